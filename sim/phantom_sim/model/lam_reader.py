"""phantom_lam_reader: the words that the finder asks for, two every other cycle, and then the token."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

DONE = 4  # done_q: from the last words' address to tok_valid_o
ARRIVING = DONE + 1  # tokens on their way, by the cycle in which they arrive
TURN = 0  # whose turn it is at the row memory in cycle 0

READER = registers(
    "req_valid", "req_lane", "req_token", "spare_valid", "spare_lane", "spare_token", "take",
    "reading", "left", "first", "view_end", "lane", "token",
    ("arriving", ARRIVING), ("arrive_lane", ARRIVING), ("arrive_token", ARRIVING), bits=64,
)  # fmt: skip


@kernel
def has_port(r: Any, number: int, now: int) -> bool:
    """Whether a reader uses the row memory in this cycle."""
    return r.reading != 0 and r.view_end == 0 and (now + TURN) & 1 == number


@kernel
def last_words(r: Any) -> bool:
    """last_q: no address follows this one."""
    return r.left <= (1 if r.first else 2)


@kernel
def offer(r: Any, number: int, lanes: Any, now: int) -> None:
    """req_take_o, before anything moves."""
    free = not r.reading or (last_words(r) and (r.view_end or has_port(r, number, now)))
    r.take = 1 if r.req_valid and free and lanes[r.req_lane].tok_room else 0


@kernel
def step_reader(r: Any, number: int, tokens: Any, now: int) -> None:
    """One cycle, after `offer`."""
    if r.reading and (r.view_end or has_port(r, number, now)):
        if last_words(r):
            at = (now + DONE) % ARRIVING
            r.arriving[at] = 1
            r.arrive_lane[at] = r.lane
            r.arrive_token[at] = r.token
            r.reading = 0
        r.left -= 1 if r.first else 2
        r.first = 0
    if r.take:
        r.left = tokens[r.req_token].value_words
        r.view_end = tokens[r.req_token].view_end
        r.lane = r.req_lane
        r.token = r.req_token
        r.first = 1
        r.reading = 1
        r.req_valid = r.spare_valid
        r.req_lane = r.spare_lane
        r.req_token = r.spare_token
        r.spare_valid = 0
