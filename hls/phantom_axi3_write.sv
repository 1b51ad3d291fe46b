// The writes of an AXI3 master, beat by beat on AXI4-Lite.
//
// Contract: one burst at a time, in the order of acceptance; its data may come before, with or after its address, and waits until
// the address is there. Each beat with all four strobes is one write of a word. A register is only ever written as a whole (see
// overlay/phantom.rdl), so a beat with some strobes is not passed on and answers SLVERR; one without any writes nothing, which is
// what AXI asks for. Nor is passed on what lies outside of the window [Base, Base + 2^WindowBits) (DECERR), or belongs to a burst
// that AXI3 forbids (SLVERR). The one response of a burst is the worst of its beats, BID the burst's.
//
// WID must be AWID: data of several bursts interleaved is not supported, and the PS7 does not send it. The number of beats is
// AWLEN's; WLAST must agree.
module phantom_axi3_write
  import phantom_zynq_pkg::*;
#(
  parameter logic        [31:0] Base       = 32'h43C0_0000,
  parameter int unsigned        WindowBits = 18
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  gp_addr_t    aw_i,
  input  logic        aw_valid_i,
  output logic        aw_ready_o,
  input  logic [11:0] w_id_i,
  input  logic [31:0] w_data_i,
  input  logic [3:0]  w_strb_i,
  input  logic        w_last_i,
  input  logic        w_valid_i,
  output logic        w_ready_o,
  output logic [11:0] b_id_o,
  output resp_e       b_resp_o,
  output logic        b_valid_o,
  input  logic        b_ready_i,

  output logic [31:0] m_axil_awaddr,
  output logic        m_axil_awvalid,
  input  logic        m_axil_awready,
  output logic [31:0] m_axil_wdata,
  output logic [3:0]  m_axil_wstrb,
  output logic        m_axil_wvalid,
  input  logic        m_axil_wready,
  input  logic [1:0]  m_axil_bresp,
  input  logic        m_axil_bvalid,
  output logic        m_axil_bready
);

  typedef enum logic [2:0] {StIdle, StBeat, StSend, StWait, StAnswer} state_e;

  state_e      state_q;
  gp_addr_t    beat_q;  // the burst; its address is that of the beat under way
  logic [3:0]  left_q;  // beats after this one
  logic        legal_q, aw_sent_q, w_sent_q;
  logic [31:0] data_q;
  resp_e       worst_q, beat_resp;
  logic        in_window, pass, beat_done;

  assign in_window    = (beat_q.addr >> WindowBits) == (Base >> WindowBits);
  assign pass      = legal_q && in_window && w_strb_i == '1;
  assign beat_done = (state_q == StBeat && w_valid_i && !pass) || (state_q == StWait && m_axil_bvalid);

  always_comb begin
    if (state_q == StWait) beat_resp = resp_e'(m_axil_bresp);
    else if (!legal_q)     beat_resp = RespSlvErr;
    else if (!in_window)   beat_resp = RespDecErr;
    else if (w_strb_i != '0) beat_resp = RespSlvErr;
    else                   beat_resp = RespOkay;
  end

  assign aw_ready_o     = rst_ni && state_q == StIdle;  // the processor may be awake before us
  assign w_ready_o      = state_q == StBeat;
  assign m_axil_awaddr  = {beat_q.addr[31:2], 2'b00};
  assign m_axil_awvalid = state_q == StSend && !aw_sent_q;
  assign m_axil_wdata   = data_q;
  assign m_axil_wstrb   = '1;
  assign m_axil_wvalid  = state_q == StSend && !w_sent_q;
  assign m_axil_bready  = state_q == StWait;
  assign b_valid_o      = state_q == StAnswer;
  assign b_id_o         = beat_q.id;
  assign b_resp_o       = worst_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle: begin
          if (aw_valid_i) state_q <= StBeat;
        end
        StBeat: begin
          if (w_valid_i && pass) state_q <= StSend;
          else if (beat_done && left_q == '0) state_q <= StAnswer;
        end
        StSend: begin
          if ((aw_sent_q || m_axil_awready) && (w_sent_q || m_axil_wready)) state_q <= StWait;
        end
        StWait: begin
          if (m_axil_bvalid) state_q <= left_q == '0 ? StAnswer : StBeat;
        end
        default: begin
          if (b_ready_i) state_q <= StIdle;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) begin
      beat_q  <= aw_i;
      left_q  <= aw_i.len;
      legal_q <= legal(aw_i);
      worst_q <= RespOkay;
    end else if (beat_done) begin
      beat_q.addr <= next_addr(beat_q);
      left_q      <= left_q - 1'b1;
      if (beat_resp > worst_q) worst_q <= beat_resp;
    end
    if (state_q == StBeat) begin
      data_q    <= w_data_i;
      aw_sent_q <= 1'b0;
      w_sent_q  <= 1'b0;
    end else begin
      if (m_axil_awready) aw_sent_q <= 1'b1;
      if (m_axil_wready) w_sent_q <= 1'b1;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && w_valid_i && w_ready_o) begin
      assert (w_id_i == beat_q.id) else $error("phantom_axi3_write: WID %0h in a burst of AWID %0h", w_id_i, beat_q.id);
      assert (w_last_i == (left_q == '0)) else $error("phantom_axi3_write: WLAST %0d with %0d beats to come", w_last_i, left_q);
    end
  end
`endif

endmodule
