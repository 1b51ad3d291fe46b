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
    logic [1:0] edge_col;  // 0, or which of the layer's three edge columns of a tile it lies in (lam_cfg_t)
    logic [7:0] position;
    logic [7:0] value;
  } act_entry_t;

  // One job of a thread: a nonzero weight and the run of activations that it meets.
  typedef struct packed {
    logic [7:0] w;
    logic [9:0] first;  // index of the run's first entry in the activation buffer (a ring of 1024)
    logic [9:0] last;   // and of its last one
    logic [8:0] base;   // {bank, slot base - offset of the window}: position + base = partial sum
    logic [2:0] skip;    // entries of these edge columns fall outside of the output
    logic       act_signed;  // the activations are int8, else uint8
    logic [7:0] chan;   // channel tag, for the release of the activation buffer
  } job_t;

  // What a core has to know about the layer. Constant while the layer runs.
  typedef struct packed {
    logic [2:0] slot_bits;    // 0..5: a thread holds up to 2^slot_bits filters
    logic [3:0] window_bits;  // 0..8: kernel positions in the weight index
    logic [3:0] run_shift;    // a channel owns 2^run_shift entries of the run table
    logic [6:0] chan_cap;     // channels that may be in flight: run table and 64 at most
  } core_cfg_t;

  // Write port of the tables that each core holds (window table, slot table).
  typedef struct packed {
    logic        window_we;
    logic        slot_we;
    logic [7:0]  index;
    logic [17:0] data;  // window: {act_signed, skip[2:0], offset[7:0], run[5:0]}; slot: base[7:0]
  } table_write_t;

  // Run table entry.
  typedef struct packed {
    logic       empty;
    logic [9:0] first;
    logic [9:0] last;
  } run_t;

  // LAM to cores: one step of filling the activation buffers and run tables of the cores in the mask.
  typedef struct packed {
    logic        word_we;
    logic [8:0]  word_addr;
    logic [35:0] word;
    logic        run_we;
    logic [5:0]  run_index;
    run_t        run;
    logic        commit;     // the channel is complete
  } fill_t;

  // What is true of a thread in a cycle; the counters make a thread_state_e of it.
  typedef struct packed {
    logic mac;        // multiplies
    logic stall;      // stage 2 waits
    logic has_job;
    logic parked;     // its channel is not there yet
    logic queued;     // a weight waits
    logic pass_done;  // waits for the drain
  } thread_flags_t;

  // What a thread does in a cycle, for the stall counters.
  typedef enum logic [2:0] {
    StMac     = 3'd0,  // multiplies
    StHazard  = 3'd1,  // waits for its own partial sum, or lends the port to the drain
    StFetch   = 3'd2,  // has a job, waits for an activation word
    StWeight  = 3'd3,  // no weight has arrived
    StChannel = 3'd4,  // has a weight, its channel is not there yet
    StIssue   = 3'd5,  // has a weight, waits for the front end
    StBank    = 3'd6,  // end of pass: waits for the drain to free the other bank
    StOff     = 3'd7   // the layer does not use this thread
  } thread_state_e;

  // Entry of a weight word.
  typedef struct packed {
    logic [6:0] delta;
    logic [7:0] w;
  } wgt_entry_t;

  parameter logic [6:0] DeltaEndOfPass = 7'd127;  // with w == 0
  parameter logic [6:0] DeltaHop       = 7'd126;  // with w == 0

  // Why a layer stopped (STATUS.error).
  typedef enum logic [7:0] {
    ErrNone         = 8'd0,
    ErrActHeader    = 8'd1,   // activation packet: kind or a field out of range, or rows of another strip
    ErrActTruncated = 8'd2,   // TLAST before END, or END before the last rows
    ErrActChecksum  = 8'd3,   // END does not match the words before it, or words follow it
    ErrRowBuffer    = 8'd4,   // the rows of one strip do not fit into the row buffer
    ErrWgtHeader    = 8'd5,
    ErrWgtTruncated = 8'd6,
    ErrWgtChecksum  = 8'd7,
    ErrWatchdog     = 8'd8    // nothing has moved for a long time
  } error_e;

  // Where the rows of the input lie: shared by stream_in, which fills the directory, and the LAM, which reads it.
  typedef struct packed {
    logic [8:0]  chunks;        // chunks of 8 channels
    logic [9:0]  rows;
    logic [3:0]  last_xs;       // segments in a row, less one
    logic [6:0]  span;          // columns of a segment
    logic [2:0]  log2_pitch;
    logic [3:0]  dir_xs_shift;  // directory index = row << dir_row_shift | xs << dir_xs_shift | chunk
    logic [3:0]  dir_row_shift;
    logic [9:0]  strip_rows;    // rows of a producer strip
    logic [15:0] strip_packets; // and its packets; the last strip may have fewer of both
    logic [15:0] block_packets; // of a block of chunks in a strip; 0: packets are in another order
    logic [8:0]  block_chunks;
    logic        flat;          // every mask bit is a row of its own (fully connected)
  } input_cfg_t;

  function automatic logic [10:0] directory_index(input_cfg_t c, logic [9:0] row, logic [3:0] xs, logic [7:0] chunk);
    return 11'((24'(row) << c.dir_row_shift) | (24'(xs) << c.dir_xs_shift) | 24'(chunk));
  endfunction

  // Lanes of the LAM: each has an equal share of the rows of the mesh.
  function automatic int unsigned lam_lanes(int unsigned rows);
    return rows % 4 == 0 ? 4 : rows % 2 == 0 ? 2 : 1;
  endfunction

  // Loops of the LAM.
  typedef struct packed {
    logic [15:0] strips;
    logic [7:0]  passes;
    logic [11:0] chans;
    logic [4:0]  tiles;
    logic [2:0]  views;
    logic        stride2;
    logic        view_chans;    // every view of a channel counts as a channel of its own
    logic [7:0]  tile_rows;     // output rows of a tile, before pooling: rows of a run
    logic [7:0]  tile_step_y;   // output rows from one tile to the next one below
    logic [9:0]  strip_rows;    // output rows from strip to strip
    logic [7:0]  pitch;         // positions from one row of a tile to the next
    logic [11:0] pass_chans;    // channels of a pass
    logic        own_chans;     // every pass, and every group of cores, has channels of its own
    logic [3:0]  last_owner;    // first tile number of the last group (own_chans), else 0
    logic [1:0]  log2_lanes;    // lanes in use: tile t goes by lane t modulo their number, to the rows of the mesh that are its
    logic [3:0]  last_tile_x;   // tiles side by side, less one
    logic [9:0]  tile_step;     // input columns from one to the next
    logic [23:0] edge_cols;     // columns of a tile (from its view's first) that some windows must skip
    logic [9:0]  need_step;     // input rows from strip to strip
    logic [7:0]  need_above;    // input rows that the first strip misses above row 0 (padding)
    logic [9:0]  need_span;     // input rows that a strip needs
  } lam_cfg_t;

  // One phase of the input: rows y = 2 yv + py, every other column when stride2, else all of them.
  typedef struct packed {
    logic       py;
    logic signed [7:0] first;   // first row of the view, relative to the tile's first output row
    logic [6:0] rows;           // rows of the view: tile_rows + runs - 1
    logic [5:0] run_base;       // index of its first run
    logic signed [7:0] col_first;  // first column of the input, relative to the tile's first output column times the stride
    logic [9:0] col_span;       // columns of the input from the first to the last
  } view_t;

  // Maximum pooling. Without it all is 0 but `step`, which is 1.
  typedef struct packed {
    logic [1:0] more;           // rows and columns of a window, less one
    logic [1:0] step;           // from window to window
    logic [1:0] top;            // rows of the first windows that lie above the image
    logic [1:0] left;
    logic [1:0] bottom_more;    // rows of the last windows that lie in the image, less one
    logic [1:0] right_more;
    logic       keep_row;       // a tile keeps its last row for the tile below, whose first windows begin with it
  } pool_cfg_t;

  // Loops of the drain.
  typedef struct packed {
    logic [15:0] strips;
    logic [7:0]  passes;
    logic [6:0]  entries;       // cores to be drained, in the order of the drain table
    logic [5:0]  slots;         // filters a thread
    logic [7:0]  slot_stride;   // partial sums of a filter
    logic [7:0]  tile_rows;     // rows of a tile, after pooling
    logic [5:0]  seg_more_rows; // rows of a segment, less one
    logic [6:0]  span;          // columns of a segment
    logic [6:0]  last_span;     // and of the last one of a row
    logic [3:0]  last_xs;       // segments in a row, less one
    logic [3:0]  tile_last_xs;  // segments side by side in a tile, less one
    logic [2:0]  log2_pitch;    // of the output stream
    logic [7:0]  pitch;         // of the tile
    logic [7:0]  row_step;      // partial sums from one row of results to the next
    logic [7:0]  seg_step;      // and from one segment to the next
    logic [9:0]  rows;
    logic [9:0]  strip_rows;
    pool_cfg_t   pool;
    logic [8:0]  chunks;
    logic [7:0]  pass_chunks;   // chunk numbers from pass to pass
    logic        flat;          // each position is an output channel of its own, with its own parameters
    logic        pairs;         // slots come in pairs: the values of the first, times `factor`, are added to the sums of the second
    logic        kept_signed;   // those values are int8
    logic signed [11:0] factor;
    logic signed [8:0] low0;    // clamp of channels whose parameters select it, and
    logic signed [8:0] high0;
    logic signed [8:0] low1;    // of the others
    logic signed [8:0] high1;
  } drain_cfg_t;

  // An entry of the drain table: a core, its first chunk, the first segment and row of its tile.
  typedef struct packed {
    logic [3:0] xs;
    logic [3:0] core_row;
    logic [3:0] core_col;
    logic [7:0] chunk;
    logic [7:0] row;
  } drain_entry_t;

  // Where a segment goes: the header of its packet, but for the counts.
  typedef struct packed {
    logic [5:0] more_rows;
    logic [3:0] xs;
    logic [9:0] y0;
    logic [7:0] chunk;
  } segment_t;

  // One step of the stream checksum (docs/stream-format.md, END).
  function automatic logic [31:0] checksum_step(logic [31:0] c, logic [63:0] word);
    return {c[30:0], c[31]} ^ word[31:0] ^ {word[47:32], word[63:48]};
  endfunction

endpackage
