"""phantom_lam_reader: the words that the finder asks for, one a cycle, and then the token."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

DONE = 3  # done_q: from the last word's address to tok_valid_o
ARRIVING = DONE + 1  # tokens on their way, by the cycle in which they arrive

READER = registers(
    "reading", "left", "lane", "token", ("arriving", ARRIVING), ("arrive_lane", ARRIVING), ("arrive_token", ARRIVING), bits=64
)  # fmt: skip


@kernel
def takes_request(r: Any, f: Any, lanes: Any) -> bool:
    """req_take_o."""
    return f.req_valid != 0 and (r.reading == 0 or r.left == 0) and lanes[f.req_lane].tok_room != 0


@kernel
def step_reader(r: Any, f: Any, now: int, take: bool) -> None:
    """One cycle."""
    last_word = r.left == 0
    if r.reading and last_word:
        at = (now + DONE) % ARRIVING
        r.arriving[at] = 1
        r.arrive_lane[at] = r.lane
        r.arrive_token[at] = r.token
    if take:
        r.left = f.req_words
        r.lane = f.req_lane
        r.token = f.req_token
        r.reading = 1
        f.req_valid = 0
    else:
        r.left -= 1
        if last_word:
            r.reading = 0
