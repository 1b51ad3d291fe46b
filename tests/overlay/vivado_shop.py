"""A build with a recorder in Vivado's place: what the tests of the flow and of its scripts share."""

from __future__ import annotations

import os
import re
from pathlib import Path

import fake_tools
import pytest
import tcl

import bitstream

HANDOFF = """<EDKSYSTEM><MODULES>
  <MODULE INSTANCE="ps7"><PARAMETERS><PARAMETER NAME="PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ" VALUE="{clock}"/></PARAMETERS>
    <MEMORYMAP><MEMRANGE INSTANCE="phantom_0" BASEVALUE="{base}" HIGHVALUE="{high}"/></MEMORYMAP></MODULE>
  <MODULE INSTANCE="phantom_0"/></MODULES></EDKSYSTEM>"""
GOOD_NETS = "a ROUTED b INTRASITE c NOLOADS d NODRIVER e HIERPORT"  # names, each with its ROUTE_STATUS
MET = "All user specified timing constraints are met."


class Shop:
    """A folder with a Vivado that answers as the test wants, and the results of a build."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.results, self.capsys = folder / "results", capsys
        self.record = folder / "record"
        self.folder = folder
        self.said = ""  # on standard output, by the last build
        self._set = monkeypatch.setenv
        fake_tools.vivado(folder / "bin", "2022.1", tcl.interpreter())
        self._set("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("VIVADO", raising=False)
        self.answer(
            RECORD=str(self.record),
            VERSION="2022.1",
            SETUP="0.031",
            HOLD="0.012",
            NETS=GOOD_NETS,
            PROGRESS="100%",
        )
        self.answer(TIMING=MET)
        self.handoff()

    def answer(self, **values: str) -> None:
        for name, value in values.items():
            self._set(name, value)

    def handoff(self, clock: str = "125.000000", base: str = "0x43C00000", high: str = "0x43C3FFFF", text: str = HANDOFF) -> None:
        path = self.folder / "handoff.hwh"
        path.write_text(text.format(clock=clock, base=base, high=high))
        self.answer(HANDOFF=str(path))

    def build(self, config: str = "pynq_z2") -> tuple[int, str]:
        """Exit code and message."""
        code = bitstream.main(["--config", config, "--results", str(self.results), "--jobs", "3"])
        self.said, message = self.capsys.readouterr()
        return code, message

    def refused(self, pattern: str) -> None:
        """The build fails with this message, and leaves no bitstream to be taken for a good one."""
        code, message = self.build()
        assert code == 1
        assert re.search(pattern, message), message
        assert not (self.results / "pynq_z2" / "phantom.bit").exists()
        assert not (self.results / "pynq_z2" / "phantom.hwh").exists()
