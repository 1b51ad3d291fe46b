// Control and status registers of one DMA channel, as PG021 describes them for direct register mode.
//
//   DMACR  23..16 IRQThreshold = 1 | 14 Err_IrqEn | 13 Dly_IrqEn | 12 IOC_IrqEn | 2 Reset | 1 reads 1 | 0 RS
//   DMASR  14 Err_Irq | 12 IOC_Irq (both write one to clear) | 6 DMADecErr | 5 DMASlvErr | 4 DMAIntErr | 1 Idle | 0 Halted
//
// Contract: the write of LENGTH with RS set and no transfer under way starts one: `start_o` pulses a cycle later, with
// `addr_o` and `length_o` still until the engine is idle again (writes of either are dropped meanwhile). A length of zero, or
// an address or a length off the 8-byte grid, is DMAIntErr and starts nothing. Idle is set when a transfer completes; as in
// PG021 it reads 0 before the first one and while halted. An error clears RS; RS stays 0 until a reset clears the error.
// RS going low in a transfer asks the engine to abort (`abort_o`), and Halted is 1 once it did.
// `soft_reset_i` puts every register back to its reset state and also aborts.
module phantom_dma_channel #(
  parameter int unsigned LengthWidth = 26
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   soft_reset_i,
  // Register writes, one cycle each.
  input  logic                   wr_cr_i,
  input  logic                   wr_sr_i,
  input  logic                   wr_addr_i,
  input  logic                   wr_length_i,
  input  logic [31:0]            wr_data_i,
  // Register contents; the Reset bit is filled in by phantom_dma_regs.
  output logic [31:0]            cr_o,
  output logic [31:0]            sr_o,
  output logic [31:0]            addr_o,
  output logic [LengthWidth-1:0] length_o,
  output logic                   irq_o,
  // Engine.
  output logic                   start_o,
  output logic                   abort_o,
  input  logic                   busy_i,
  input  logic                   done_i,      // with the bytes that were moved
  input  logic [LengthWidth-1:0] done_length_i,
  input  logic                   int_err_i,
  input  logic                   slv_err_i,
  input  logic                   dec_err_i
);

  logic                   rs_q, ioc_en_q, dly_en_q, err_en_q;
  logic                   idle_q, int_err_q, slv_err_q, dec_err_q, ioc_irq_q, err_irq_q, irq_q;
  logic                   written_q;  // LENGTH was written in the cycle before,
  logic                   no_words_q; // with something that is no number of words
  logic [31:0]            addr_q;
  logic [LengthWidth-1:0] length_q;
  logic                   locked, misfit, int_err, error, broken;

  assign locked  = busy_i || written_q;
  assign misfit  = addr_q[2:0] != '0 || no_words_q;
  assign int_err = int_err_i || (written_q && misfit);
  assign error   = int_err || slv_err_i || dec_err_i;
  assign broken  = int_err_q || slv_err_q || dec_err_q;

  assign start_o  = written_q && !misfit;
  assign abort_o  = !rs_q || soft_reset_i;
  assign irq_o    = irq_q;
  assign addr_o   = addr_q;
  assign length_o = length_q;
  assign cr_o     = {8'd0, 8'd1, 1'b0, err_en_q, dly_en_q, ioc_en_q, 9'd0, 1'b0, 1'b1, rs_q};
  assign sr_o     = {17'd0, err_irq_q, 1'b0, ioc_irq_q, 5'd0, dec_err_q, slv_err_q, int_err_q, 2'b00, idle_q,
                     !rs_q && !busy_i};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || soft_reset_i) begin
      rs_q      <= 1'b0;
      ioc_en_q  <= 1'b0;
      dly_en_q  <= 1'b0;
      err_en_q  <= 1'b0;
      idle_q    <= 1'b0;
      int_err_q <= 1'b0;
      slv_err_q <= 1'b0;
      dec_err_q <= 1'b0;
      ioc_irq_q <= 1'b0;
      err_irq_q <= 1'b0;
      irq_q     <= 1'b0;
      written_q <= 1'b0;
      addr_q    <= '0;
      length_q  <= '0;
    end else begin
      if (wr_cr_i) begin
        rs_q     <= wr_data_i[0] && !broken;
        ioc_en_q <= wr_data_i[12];
        dly_en_q <= wr_data_i[13];
        err_en_q <= wr_data_i[14];
      end
      if (error) rs_q <= 1'b0;

      written_q  <= wr_length_i && rs_q && !locked;
      no_words_q <= wr_data_i[2:0] != '0 || wr_data_i[LengthWidth-1:0] == '0;
      if (wr_addr_i && !locked) addr_q <= wr_data_i;
      if (wr_length_i && !locked) length_q <= wr_data_i[LengthWidth-1:0];
      else if (done_i) length_q <= done_length_i;

      if (!rs_q || error || (wr_length_i && !locked)) idle_q <= 1'b0;
      else if (done_i) idle_q <= 1'b1;

      int_err_q <= int_err_q || int_err;
      slv_err_q <= slv_err_q || slv_err_i;
      dec_err_q <= dec_err_q || dec_err_i;
      ioc_irq_q <= done_i || (ioc_irq_q && !(wr_sr_i && wr_data_i[12]));
      err_irq_q <= error || (err_irq_q && !(wr_sr_i && wr_data_i[14]));
      irq_q     <= (ioc_irq_q && ioc_en_q) || (err_irq_q && err_en_q);
    end
  end

endmodule
