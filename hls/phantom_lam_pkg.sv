// What the LAM's blocks hand each other, from the loops to the packer.
package phantom_lam_pkg;

  import phantom_pkg::act_entry_t;

  // A visit of the LAM: one view of one tile in one channel, and what of the input belongs to it.
  typedef struct packed {
    logic               new_chunk;  // the first of its chunk of channels,
    logic               new_chan;   // of its channel,
    logic               new_tile;   // of its tile in the channel
    logic               chan_end;   // its end is the end of the channel
    logic [1:0]         view;
    logic               py;         // parity of its rows, with stride 2
    logic [3:0]         tile;
    logic [11:0]        chan;
    logic signed [12:0] origin;     // row of the input that is view row 0 of the tile
    logic signed [12:0] first_row;  // rows and columns of the input
    logic signed [12:0] last_row;
    logic signed [11:0] first_col;
    logic signed [11:0] last_col;
    logic signed [11:0] left_col;   // packets that begin here, or further left, end before the first column
  } lam_visit_t;

  // A line of the LAM's packet table, and where in a layer's loops it is wanted, or a view ends.
  typedef struct packed {
    logic [15:0] addr;         // of the header
    logic [31:0] counts;
    logic [9:0]  y0;
    logic [9:0]  y_last;
    logic [9:0]  col;          // first column
    logic        last_xs;      // the row ends with it
  } lam_packet_t;

  typedef struct packed {
    logic               view_end;
    logic               chan_end;
    logic [1:0]         view;
    logic [3:0]         tile;
    logic [2:0]         chan;  // in its chunk
    logic [3:0][4:0]    preceding;  // values of the channels before it, added up by twos
    logic signed [12:0] origin;
    logic signed [11:0] first_col;
    logic signed [11:0] last_col;
  } lam_place_t;

  // What the first half of the LAM hands to the second: a packet's share of one view of one channel.
  typedef struct packed {
    logic [63:0] mask;
    logic [5:0]  value_base;   // first word of its values in the value memory
    logic [3:0]  value_words;
    logic signed [12:0] row;   // of the packet's first row, relative to the view's first (in input rows); or of the view's end
    logic        exists;       // the view has that row,
    logic        next_exists;  // and the next one
    logic [5:0]  more_rows;
    logic [5:0]  first_col;    // columns that the tile wants, counted from the packet's first one
    logic [5:0]  last_col;
    logic [8:0]  col;          // the packet's first column, relative to the view's first in the tile, modulo 512
    logic        row_end;      // no packet to the right of it matters
    logic [3:0]  tile;
    logic [1:0]  view;
    logic        view_end;     // no packet: the view is complete
    logic        chan_end;     // and so are all views of this channel
  } lam_token_t;

  // Whether a view has that row of the input.
  function automatic logic view_has(logic stride2, logic signed [12:0] row, logic [6:0] rows);
    return row >= 0 && row < (stride2 ? $signed({5'b0, rows, 1'b0}) : $signed({6'b0, rows})) && !(stride2 && row[0]);
  endfunction

  // A row piece of a mask, or what stands in its place, and what ends with it.
  typedef struct packed {
    logic       valid;
    logic [1:0] count;
    logic       row_end;
    logic       view_end;
    logic       chan_end;
    logic       chan_load;
    logic [3:0] tile;
    logic [1:0] view;
    logic [7:0] row_pos;
    logic       packet_end;  // the last read of the packet's values
    logic [3:0] value_words;
  } lam_piece_t;

  // One step of the LAM's scan: up to two entries, and what ends with them.
  typedef struct packed {
    act_entry_t [1:0] entry;
    logic [1:0] count;     // entries that count: 0, 1 or 2, from the lowest
    logic       row_end;   // the view row is complete
    logic       view_end;
    logic       chan_end;
    logic       chan_load; // a channel of `tile` begins
    logic [3:0] tile;
    logic [1:0] view;
  } lam_beat_t;

endpackage
