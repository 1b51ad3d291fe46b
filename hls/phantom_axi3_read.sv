// The reads of an AXI3 master, beat by beat on AXI4-Lite.
//
// Contract: one burst at a time, in the order of acceptance; each beat is one read of the aligned word that holds it, so a
// narrow beat finds its bytes in their lanes, and a word is never read ahead. The response of a beat is that of its read. DECERR
// without a read outside of the window [Base, Base + 2^WindowBits), and SLVERR without one for a burst that AXI3 forbids; both
// with zeros, and with as many beats as were asked for. RID is the burst's, RLAST comes with the last beat. The address and the
// data are registered on their way: a beat takes three cycles and what the slave takes.
module phantom_axi3_read
  import phantom_zynq_pkg::*;
#(
  parameter logic        [31:0] Base       = 32'h43C0_0000,
  parameter int unsigned        WindowBits = 18
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  gp_addr_t    ar_i,
  input  logic        ar_valid_i,
  output logic        ar_ready_o,
  output logic [11:0] r_id_o,
  output logic [31:0] r_data_o,
  output resp_e       r_resp_o,
  output logic        r_last_o,
  output logic        r_valid_o,
  input  logic        r_ready_i,

  output logic [31:0] m_axil_araddr,
  output logic        m_axil_arvalid,
  input  logic        m_axil_arready,
  input  logic [31:0] m_axil_rdata,
  input  logic [1:0]  m_axil_rresp,
  input  logic        m_axil_rvalid,
  output logic        m_axil_rready
);

  typedef enum logic [1:0] {StIdle, StAddr, StData, StAnswer} state_e;

  state_e      state_q;
  gp_addr_t    beat_q;  // the burst; its address is that of the beat under way
  logic [3:0]  left_q;  // beats after this one
  logic        legal_q;
  logic [31:0] data_q;
  resp_e       resp_q;
  logic        in_window;

  assign in_window = (beat_q.addr >> WindowBits) == (Base >> WindowBits);

  assign ar_ready_o     = rst_ni && state_q == StIdle;  // the processor may be awake before us
  assign m_axil_araddr  = {beat_q.addr[31:2], 2'b00};
  assign m_axil_arvalid = state_q == StAddr && legal_q && in_window;
  assign m_axil_rready  = state_q == StData;
  assign r_valid_o      = state_q == StAnswer;
  assign r_id_o         = beat_q.id;
  assign r_data_o       = data_q;
  assign r_resp_o       = resp_q;
  assign r_last_o       = left_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle: begin
          if (ar_valid_i) state_q <= StAddr;
        end
        StAddr: begin
          if (!m_axil_arvalid) state_q <= StAnswer;
          else if (m_axil_arready) state_q <= StData;
        end
        StData: begin
          if (m_axil_rvalid) state_q <= StAnswer;
        end
        StAnswer: begin
          if (r_ready_i) state_q <= r_last_o ? StIdle : StAddr;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) begin
      beat_q  <= ar_i;
      left_q  <= ar_i.len;
      legal_q <= legal(ar_i);
    end else if (r_valid_o && r_ready_i) begin
      beat_q.addr <= next_addr(beat_q);
      left_q      <= left_q - 1'b1;
    end
    if (state_q == StAddr) begin
      data_q <= '0;
      resp_q <= legal_q ? RespDecErr : RespSlvErr;
    end else if (m_axil_rready) begin
      data_q <= m_axil_rdata;
      resp_q <= resp_e'(m_axil_rresp);
    end
  end

endmodule
