// Types and widths shared by all blocks. The formats are drawn in docs/stream-format.md.
package phantom_pkg;

  parameter int unsigned WordW    = 64;  // stream word
  parameter int unsigned ValueW   = 8;   // activation and weight
  parameter int unsigned AccW     = 32;  // partial sum
  parameter int unsigned LanesPerChunk = 8;  // channels of an activation packet, lanes of the drain

  // Kinds of packet: the low nibble of every header.
  typedef enum logic [3:0] {
    KindAct = 4'h1,
    KindWgt = 4'h2,
    KindPrm = 4'h3,
    KindEnd = 4'hE
  } kind_e;

  // Entry of a packed activation list.
  //   17   16 15       8 7        0
  //  +-------+----------+----------+
  //  | edge  | position |  value   |
  //  +-------+----------+----------+
  typedef struct packed {
    logic [1:0] edge_col;  // [0]: first column of the view, [1]: last column
    logic [7:0] position;
    logic [7:0] value;
  } act_entry_t;

  // Entry of a weight word.
  typedef struct packed {
    logic [6:0] delta;
    logic [7:0] w;
  } wgt_entry_t;

  parameter logic [6:0] DeltaEndOfPass = 7'd127;  // with w == 0
  parameter logic [6:0] DeltaHop       = 7'd126;  // with w == 0

  // One step of the stream checksum (docs/stream-format.md, END).
  function automatic logic [31:0] checksum_step(logic [31:0] c, logic [63:0] word);
    return {c[30:0], c[31]} ^ word[31:0] ^ {word[47:32], word[63:48]};
  endfunction

endpackage
