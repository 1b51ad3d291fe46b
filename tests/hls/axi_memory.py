"""A memory behind an AXI port of 64 bits without IDs, as a Zynq HP port sees it, which holds the master to the rules.

Unlike the RAM of cocotbext-axi (which wants IDs and serves one burst after the other) it overlaps the latency of bursts, as
the DDR controller does, so that throughput under latency can be measured.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from streams import pauses

OKAY, SLVERR, DECERR = 0, 2, 3


class AxiMemory:
    """Memory of 8-byte words.

    The rules that are checked on every burst: INCR, 8 bytes a beat, at most 16 beats, aligned, not across 4 KB; requests and
    write data never change or go away while they wait; WLAST on the last beat and only there.

    Args:
        dut: the design; the bus is ``{prefix}_araddr`` and so on. A read-only or write-only master is fine.
        prefix: name of the bus.
        latency: cycles from the request to the first read beat, and from the last write beat to the answer.
        profile: pause pattern (``streams.PROFILES``) for all five channels, each on its own.

    """

    def __init__(self, dut: Any, prefix: str = "m_axi", latency: int = 10, profile: str = "none") -> None:
        self.dut, self.prefix, self.latency = dut, prefix, latency
        self.words: dict[int, int] = {}
        self.errors: dict[int, int] = {}  # byte address of a word -> response for a burst that touches it
        self.reads: list[tuple[int, int]] = []  # (byte address, beats), in order of acceptance
        self.writes: list[tuple[int, int]] = []
        self.outstanding_reads = 0
        self.outstanding_writes = 0
        self.max_outstanding_reads = 0
        self.frozen = False  # answers nothing more while set
        self._pause = {channel: pauses(profile) for channel in ("ar", "r", "aw", "w", "b")}
        for name in ("arready", "rvalid", "awready", "wready", "bvalid"):
            self._sig(name).value = 0
        cocotb.start_soon(self._read())
        cocotb.start_soon(self._write())

    def load(self, address: int, words: list[int]) -> None:
        """Put words at a byte address."""
        for index, word in enumerate(words):
            self.words[address + 8 * index] = word

    def dump(self, address: int, count: int) -> list[int | None]:
        """Return words from a byte address; None where nothing was ever written."""
        return [self.words.get(address + 8 * index) for index in range(count)]

    @property
    def outstanding(self) -> int:
        """Bursts that were requested (accepted or not) and not answered."""
        waiting = int(self._sig("arvalid").value) + int(self._sig("awvalid").value)
        return self.outstanding_reads + self.outstanding_writes + waiting

    def _sig(self, name: str) -> Any:
        return getattr(self.dut, f"{self.prefix}_{name}")

    def _request(self, channel: str) -> tuple[int, int]:
        address, beats = int(self._sig(channel + "addr").value), int(self._sig(channel + "len").value) + 1
        what = f"{channel.upper()} {address:#x} x {beats}"
        assert int(self._sig(channel + "burst").value) == 1, f"{what}: not INCR"
        assert int(self._sig(channel + "size").value) == 3, f"{what}: not 8 bytes a beat"
        assert beats <= 16, f"{what}: too long for AXI3"
        assert address % 8 == 0, f"{what}: not aligned"
        assert address // 4096 == (address + 8 * beats - 1) // 4096, f"{what}: crosses 4 KB"
        return address, beats

    def _response(self, address: int, beats: int) -> int:
        return max(self.errors.get(address + 8 * i, OKAY) for i in range(beats))

    async def _read(self) -> None:
        names = ("arvalid", "arready", "rvalid", "rready", "rdata", "rresp", "rlast")
        arvalid, arready, rvalid, rready, rdata, rresp, rlast = map(self._sig, names)
        edge, held, now, ready, offered = RisingEdge(self.dut.clk_i), _Held("AR"), 0, False, False
        beats: deque[tuple[int, int, int]] = deque()  # due, byte address, last
        while True:
            await edge
            now += 1
            request = self._request("ar") if arvalid.value == 1 else None
            if held.check(request, ready) and request is not None:
                self.reads.append(request)
                self.outstanding_reads += 1
                self.max_outstanding_reads = max(self.max_outstanding_reads, self.outstanding_reads)
                address, count = request
                for i in range(count):
                    beats.append((now + self.latency, address + 8 * i, int(i == count - 1)))
            if offered and rready.value == 1:
                offered = False
                self.outstanding_reads -= beats.popleft()[2]
            ready = not next(self._pause["ar"])
            arready.value = int(ready)
            if not offered:
                offered = bool(beats) and beats[0][0] <= now + 1 and not next(self._pause["r"]) and not self.frozen
                rvalid.value = int(offered)
                if offered:
                    _, address, last = beats[0]
                    rdata.value = self.words.get(address, 0xDEAD_0000_0000_0000 | address)
                    rresp.value = self.errors.get(address, OKAY)
                    rlast.value = last

    async def _write(self) -> None:
        names = ("awvalid", "awready", "wvalid", "wready", "bvalid", "bready", "wdata", "wlast", "wstrb", "bresp")
        awvalid, awready, wvalid, wready, bvalid, bready, wdata, wlast, wstrb, bresp = map(self._sig, names)
        edge, aw_held, w_held = RisingEdge(self.dut.clk_i), _Held("AW"), _Held("W")
        now, aw_ready, w_ready, offered = 0, False, False, False
        bursts: deque[tuple[int, int]] = deque()
        data: deque[tuple[int, int, int]] = deque()
        answers: deque[tuple[int, int]] = deque()  # due, response
        while True:
            await edge
            now += 1
            request = self._request("aw") if awvalid.value == 1 else None
            if aw_held.check(request, aw_ready) and request is not None:
                self.writes.append(request)
                self.outstanding_writes += 1
                bursts.append(request)
            beat = (int(wdata.value), int(wlast.value), int(wstrb.value)) if wvalid.value == 1 else None
            if w_held.check(beat, w_ready) and beat is not None:
                data.append(beat)
            if bursts and len(data) >= bursts[0][1]:
                address, count = bursts.popleft()
                for i in range(count):
                    word, last, strobe = data.popleft()
                    assert last == (i == count - 1), f"W beat {i} of {count} at {address:#x}: WLAST is {last}"
                    assert strobe == 0xFF, f"W at {address:#x}: strobe {strobe:#x}"
                    self.words[address + 8 * i] = word
                answers.append((now + self.latency, self._response(address, count)))
            if offered and bready.value == 1:
                offered = False
                answers.popleft()
                self.outstanding_writes -= 1
            aw_ready, w_ready = not next(self._pause["aw"]), not next(self._pause["w"])
            awready.value, wready.value = int(aw_ready), int(w_ready)
            if not offered:
                offered = bool(answers) and answers[0][0] <= now + 1 and not next(self._pause["b"]) and not self.frozen
                bvalid.value = int(offered)
                if offered:
                    bresp.value = answers[0][1]


class _Held:
    """Checks that a payload stays until it is taken."""

    def __init__(self, name: str) -> None:
        self.name, self.item = name, None

    def check(self, item: Any, ready: bool) -> bool:
        """Look at this cycle's payload (None without valid); True if it is taken now."""
        assert self.item is None or item == self.item, f"{self.name}: {self.item} became {item} while it waited"
        self.item = None if ready else item
        return ready and item is not None
