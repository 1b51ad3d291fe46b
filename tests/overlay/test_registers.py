"""What we change in the register block that PeakRDL-regblock writes; tests/hls/test_phantom_top.py reads the registers."""

from pathlib import Path

import pytest
import registers


def test_the_exporter_writes_what_we_replace(tmp_path: Path) -> None:
    registers.generate(tmp_path)
    text = (tmp_path / "phantom_regs.sv").read_text()
    assert text.count(registers.HELD_ADDRESS) == 1 and registers.READ_ADDRESS not in text


@pytest.mark.parametrize("text", ["", f"{registers.READ_ADDRESS}\n" * 2])
def test_another_exporter_is_an_error(tmp_path: Path, text: str) -> None:
    block = tmp_path / "phantom_regs.sv"
    block.write_text(text)
    with pytest.raises(RuntimeError, match=r"phantom_regs\.sv: expected once.*1\.3\.1"):
        registers.hold_read_address(block)
