// The signals of the PS7's ports as structs, and nothing else: GP0 is an AXI3 master of 32 bits, an HP port an AXI3 slave of 64.
// A request is what the master drives, a response what the slave drives; valid and ready go with their side.
package phantom_zynq_pkg;

  typedef enum logic [1:0] {
    RespOkay   = 2'b00,
    RespExOkay = 2'b01,
    RespSlvErr = 2'b10,
    RespDecErr = 2'b11
  } resp_e;

  typedef enum logic [1:0] {
    BurstFixed = 2'b00,
    BurstIncr  = 2'b01,
    BurstWrap  = 2'b10,
    BurstNone  = 2'b11
  } burst_e;

  // First beat of a burst on GP0. PROT, LOCK, CACHE and QOS mean nothing to a register: they end at the PS7.
  typedef struct packed {
    logic [11:0] id;
    logic [31:0] addr;
    logic [3:0]  len;
    logic [1:0]  size;
    burst_e      burst;
  } gp_addr_t;

  typedef struct packed {
    gp_addr_t    aw;
    logic        aw_valid;
    logic [11:0] w_id;
    logic [31:0] w_data;
    logic [3:0]  w_strb;
    logic        w_last;
    logic        w_valid;
    logic        b_ready;
    gp_addr_t    ar;
    logic        ar_valid;
    logic        r_ready;
  } gp_req_t;

  typedef struct packed {
    logic        aw_ready;
    logic        w_ready;
    logic [11:0] b_id;
    resp_e       b_resp;
    logic        b_valid;
    logic        ar_ready;
    logic [11:0] r_id;
    logic [31:0] r_data;
    resp_e       r_resp;
    logic        r_last;
    logic        r_valid;
  } gp_rsp_t;

  typedef struct packed {
    logic [31:0] addr;
    logic [3:0]  len;
    logic [2:0]  size;
    logic [1:0]  burst;
    logic [3:0]  cache;
    logic [2:0]  prot;
  } hp_addr_t;

  typedef struct packed {
    hp_addr_t    aw;
    logic        aw_valid;
    logic [63:0] w_data;
    logic [7:0]  w_strb;
    logic        w_last;
    logic        w_valid;
    logic        b_ready;
    hp_addr_t    ar;
    logic        ar_valid;
    logic        r_ready;
  } hp_req_t;

  typedef struct packed {
    logic        aw_ready;
    logic        w_ready;
    logic [1:0]  b_resp;
    logic        b_valid;
    logic        ar_ready;
    logic [63:0] r_data;
    logic [1:0]  r_resp;
    logic        r_last;
    logic        r_valid;
  } hp_rsp_t;

  // Address of the beat after the one at `addr`. An INCR burst that starts unaligned is aligned from its second beat on; a WRAP
  // burst stays in the block of (len + 1) << size bytes that it starts in.
  function automatic logic [31:0] next_addr(gp_addr_t beat);
    logic [31:0] step, next, block;
    step  = 32'd1 << beat.size;
    next  = (beat.addr & ~(step - 1)) + step;
    block = (32'(beat.len) + 1 << beat.size) - 1;
    unique case (beat.burst)
      BurstFixed: return beat.addr;
      BurstWrap:  return (beat.addr & ~block) | (next & block);
      default:    return next;
    endcase
  endfunction

  // What AXI3 forbids on a bus of 32 bits: 8 bytes a beat, the reserved burst type, a WRAP of another length than 2, 4, 8 or 16
  // or with an unaligned start.
  function automatic logic legal(gp_addr_t first);
    logic wrap_ok;
    wrap_ok = (first.len inside {4'd1, 4'd3, 4'd7, 4'd15}) && (first.addr & ((32'd1 << first.size) - 1)) == '0;
    return first.size != 2'd3 && first.burst != BurstNone && (first.burst != BurstWrap || wrap_ok);
  endfunction

endpackage
