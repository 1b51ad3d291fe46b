"""phantom_lam_scan: through the masks, 16 positions a cycle, up to two nonzeros a beat; five registers deep."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

LF = 16
STAGES = 3  # pick_q, rank_stage_q, value_stage_q
TOKEN_FIELDS = (
    "mask", "value_words", "row", "more_rows", "first_col", "last_col", "col", "row_end", "tile", "view_no", "view_end",
    "chan_end",
)  # fmt: skip
BEAT_FIELDS = (
    "valid", "count", "row_end", "view_end", "chan_end", "chan_load", "tile", "view_no", "packet_end", "value_words",
    "entry0", "entry1",
)  # fmt: skip
# A piece, with its bits and the column of its first one: what the scan hands over, and piece_stage_q with the bits that are left.
PIECE_FIELDS = (
    "valid", "row_end", "view_end", "chan_end", "chan_load", "tile", "view_no", "packet_end", "value_words", "row_pos", "col",
    "bits",
)  # fmt: skip
# The beats of the three stages behind it lie in a ring, of which `stage` says where the youngest one is.
SCAN = registers(
    "tok_valid", "fresh_chan", "piece", "first_piece", "row", "input_row", "next_row", "row_pos", "first_bit", "last_bit", "col",
    "row_exists", "stage", *(f"t_{name}" for name in TOKEN_FIELDS), *(f"n_{name}" for name in PIECE_FIELDS),
    *(f"p_{name}" for name in PIECE_FIELDS), bits=64,
)  # fmt: skip
BEAT = registers(*BEAT_FIELDS)


@kernel
def _exists(cfg: Any, row: int, rows: int) -> int:
    """Whether a view of `rows` rows has that row of the input."""
    if cfg.stride2:
        return 1 if 0 <= row < 2 * rows and not row & 1 else 0
    return 1 if 0 <= row < rows else 0


@kernel
def _index_of(low: int) -> int:
    """Place of the only bit that is set."""
    high = 8 if low & 0xFF00 else 0
    high |= 4 if low & 0xF0F0 else 0
    high |= 2 if low & 0xCCCC else 0
    return high | (1 if low & 0xAAAA else 0)


@kernel
def _entry(cfg: Any, row_pos: int, col: int) -> int:
    """Edge code and position of a nonzero in a column, as {edge_col, position}."""
    col &= 0x1FF
    if cfg.stride2:
        col >>= 1
    col &= 0xFF
    edge = 0
    for i in range(3):
        if col == cfg.edge_cols[i]:
            edge = i + 1
    return edge << 8 | ((row_pos + col) & 0xFF)


@kernel
def _load(s: Any, cfg: Any, valid: int, t: Any) -> None:
    """A new token, or none."""
    s.tok_valid = valid
    # tok_q takes what stands at the FIFO's output even if it is a token of long ago: its tile's cores are asked for room.
    s.t_tile = t.tile
    if not valid:
        return
    s.t_mask = t.mask
    s.t_value_words = t.value_words
    s.t_more_rows = t.more_rows
    s.t_row_end = t.row_end
    s.t_view_no = t.view_no
    s.t_view_end = t.view_end
    s.t_chan_end = t.chan_end
    s.piece = t.first_col // LF
    s.first_piece = 1
    s.row = 0
    s.input_row = t.row
    s.first_bit = t.first_col
    s.last_bit = t.last_col
    s.col = t.col
    s.row_exists = 0 if t.view_end else _exists(cfg, t.row, cfg.view_rows[t.view_no])


@kernel
def _next_row(s: Any, cfg: Any) -> None:
    """On to the packet's next row."""
    pitch = 1 << cfg.in_log2_pitch
    s.row += 1
    s.input_row += 1
    s.row_exists = _exists(cfg, s.input_row, cfg.view_rows[s.t_view_no])
    s.first_bit = (s.first_bit + pitch) & 0x3F
    s.last_bit = (s.last_bit + pitch) & 0x3F
    s.piece = s.first_bit // LF
    s.first_piece = 1
    s.col = (s.col - pitch) & 0x1FF


@kernel
def _wanted(s: Any, cfg: Any) -> int:
    """Nonzeros of this piece that the tile wants: raw & wanted."""
    cand = (s.t_mask >> (LF * s.piece)) & 0xFFFF
    if s.first_piece:
        cand &= 0xFFFF << (s.first_bit % LF)
    if s.piece == s.last_bit // LF:
        cand &= (2 << (s.last_bit % LF)) - 1
    if cfg.stride2:
        cand &= 0xAAAA if s.col & 1 else 0x5555
    return cand


@kernel
def _pick(s: Any, b: Any, cfg: Any) -> int:
    """A beat of the piece in front; what is left of its bits."""
    low = s.p_bits & -s.p_bits
    rest = s.p_bits ^ low
    low2 = rest & -rest
    s.p_bits = rest ^ low2
    more = 1 if s.p_bits else 0
    b.valid = s.p_valid
    b.count = (2 if rest else 1) if low else 0
    if low:
        b.entry0 = _entry(cfg, s.p_row_pos, s.p_col + _index_of(low))
        b.entry1 = _entry(cfg, s.p_row_pos, s.p_col + _index_of(low2))
    b.row_end = 0 if more else s.p_row_end
    b.view_end = s.p_view_end
    b.chan_end = s.p_chan_end
    b.chan_load = s.p_chan_load
    b.tile = s.p_tile
    b.view_no = s.p_view_no
    b.packet_end = 0 if more else s.p_packet_end
    b.value_words = s.p_value_words
    return more


@kernel
def _hand_on(s: Any) -> None:
    """The piece in the register to the pick."""
    s.p_valid = s.n_valid
    s.p_row_end = s.n_row_end
    s.p_view_end = s.n_view_end
    s.p_chan_end = s.n_chan_end
    s.p_chan_load = s.n_chan_load
    s.p_tile = s.n_tile
    s.p_view_no = s.n_view_no
    s.p_packet_end = s.n_packet_end
    s.p_value_words = s.n_value_words
    s.p_row_pos = s.n_row_pos
    s.p_col = s.n_col
    s.p_bits = s.n_bits


@kernel
def _piece(s: Any) -> None:
    """A piece of the token in work, with nothing in it yet."""
    s.n_valid = s.tok_valid
    s.n_row_end = 0
    s.n_view_end = 0
    s.n_chan_end = 0
    s.n_chan_load = 0
    s.n_tile = s.t_tile
    s.n_view_no = s.t_view_no
    s.n_packet_end = 0
    s.n_value_words = s.t_value_words
    s.n_row_pos = s.row_pos
    s.n_col = s.col + s.piece * LF
    s.n_bits = 0


@kernel
def step_scan(s: Any, beats: Any, cfg: Any, tokens: Any, tok_valid: int, number: int) -> int:
    """One cycle in which `enable_i` is high: picks, and moves the stages on. Returns tok_ready_o."""
    s.stage = (s.stage + 1) % STAGES
    if _pick(s, beats[s.stage], cfg):
        return 0
    _hand_on(s)
    _piece(s)
    if not s.tok_valid:
        _load(s, cfg, tok_valid, tokens[number])
        return 1
    if s.fresh_chan:
        s.n_chan_load = 1
        s.fresh_chan = 0
        s.next_row = 0
        s.row_pos = 0
        return 0
    view_rows = cfg.view_rows[s.t_view_no]
    done = 0
    if s.t_view_end:
        if s.next_row != view_rows:
            s.n_row_end = 1  # a row that does not exist
        else:
            s.n_view_end = 1
            s.n_chan_end = s.t_chan_end
            s.fresh_chan = s.n_chan_end
            s.next_row = 0
            s.row_pos = 0
            done = 1
    elif s.row_exists and (s.input_row >> (1 if cfg.stride2 else 0)) & 0x7F != s.next_row:
        s.n_row_end = 1  # so is one in front of this packet's
    else:
        s.n_bits = _wanted(s, cfg) if s.row_exists else 0
        if s.row_exists and s.piece != s.last_bit // LF:
            s.piece += 1
            s.first_piece = 0
        else:
            s.n_row_end = 1 if s.row_exists and s.t_row_end else 0
            if s.row == s.t_more_rows:
                done = 1
                s.n_packet_end = 1
            else:
                _next_row(s, cfg)
    if s.n_row_end:
        s.next_row = (s.next_row + 1) & 0x7F
        s.row_pos = (s.row_pos + cfg.pitch) & 0xFF
    if done:
        _load(s, cfg, tok_valid, tokens[number])
    return done
