"""Ways to break a simulated board, each undone by pytest's monkeypatch: registers, memory traffic, multiplications."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from phantom.config import Config
from phantom.program import Program, compile_network
from phantom.stream import end_word
from phantom.weight_decode import packet_table


def reads(overlay: Any, monkeypatch: pytest.MonkeyPatch, block: str, register: str, change: Callable[[int], int]) -> None:
    """From now on a register reads as something else."""
    ip, read = getattr(overlay, block), getattr(overlay, block).read
    address = overlay.ip_dict[block]["registers"][register]["address_offset"]
    monkeypatch.setattr(ip, "read", lambda at: change(int(read(at))) if at == address else read(at))


def damage(overlay: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], None], when: str = "invalidate") -> None:
    """From now on buffers of words are changed (uint64 [n], in place) on their way: when they are invalidated, or flushed."""
    device, real = overlay.device, getattr(overlay.device, when)

    def damaged(bo: int, offset: int, vaddr: int, nbytes: int) -> None:
        start = bo - device.arena.base
        words = np.frombuffer(memoryview(device.arena.host_memory), np.uint8)[start : start + nbytes].view(np.uint64)
        if when == "flush":
            kept = words.copy()
            change(words)
            real(bo, offset, vaddr, nbytes)
            words[:] = kept  # the processor's own copy is right
        else:
            real(bo, offset, vaddr, nbytes)
            change(words)

    monkeypatch.setattr(device, when, damaged)


def packets_of(words: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where the values of each segment of an activation stream begin, and their number of words."""
    at = 0
    while int(words[at]) & 15 == 1:
        header = int(words[at])
        at += 1
        for lane in range(8):
            count = header >> 32 + 4 * lane & 15
            yield at + 1, count
            at += 1 + count


def miscompute(monkeypatch: pytest.MonkeyPatch, module: Any, config: Config, chosen: Callable[[int, int, int], bool]) -> None:
    """Threads (core row, core column, thread) that are chosen multiply by other weights, in all that `module` compiles.

    Only those whose core gets weights alone; what the loop of the self-test computes stays right.
    """

    def compile_wrong(network: Any, config: Any) -> list[Program]:
        programs = compile_network(network, config)
        return programs if network.name == "DMA loop" else [wrong(program) for program in programs]

    def wrong(program: Program) -> Program:
        words = program.weights.copy()
        for start, count in program.weight_streams:
            spoil(words[start : start + count])
        return dataclasses.replace(program, weights=words)

    def spoil(words: np.ndarray) -> None:
        table = packet_table(words)
        for row in range(config.rows):
            for col in range(config.cols):
                for p in np.flatnonzero(table.reaches(row, col)):
                    alone = (table.rows[p], table.columns[p]) == (1 << row, 1 << col)
                    for at in range(int(table.at[p]) + 1, int(table.at[p] + table.nwords[p]) + 1):
                        if alone and chosen(row, col, int(words[at]) >> 60):
                            words[at] = negated(int(words[at]))
        words[-1] = np.uint64(end_word(words[:-1]))

    monkeypatch.setattr(module, "compile_network", compile_wrong)


def negated(word: int) -> np.uint64:
    """A word of weights with every weight negated (-128 becomes 127)."""
    for shift in range(0, 60, 15):
        weight = (word >> shift & 0xFF ^ 0x80) - 0x80
        word = word & ~(0xFF << shift) | min(127, -weight) % 256 << shift
    return np.uint64(word)
