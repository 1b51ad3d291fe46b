"""What we change in the register block that PeakRDL-regblock writes; tests/hls/test_phantom_top.py reads the registers."""

from pathlib import Path

import pytest
import registers


def test_the_exporter_writes_what_we_replace(tmp_path: Path) -> None:
    registers.generate(tmp_path)
    text = (tmp_path / "phantom_regs.sv").read_text()
    assert text.count(registers.HELD_ADDRESS) == 1 and registers.READ_ADDRESS not in text
    assert "is_valid_rw |= (cpuif_addr ==" in text and registers.VERDICT in text
    assert not registers.MASKED_VALID.search(text)
    assert not registers.CHAINED.search(text) and "readback_data_var[ad_hi(16'h4)][15:0] |= " in text


BOTH = f"{registers.READ_ADDRESS}\n{registers.VERDICT}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected once"),
        (f"{registers.READ_ADDRESS}\n" * 2, "expected once"),
        (registers.READ_ADDRESS, "expected once"),
        (BOTH, "no .*is_valid"),
        (BOTH + "is_valid_rw |= cpuif_req_masked & x", "no .*readback"),
    ],
)
def test_another_exporter_is_an_error(tmp_path: Path, text: str, expected: str) -> None:
    block = tmp_path / "phantom_regs.sv"
    block.write_text(text)
    with pytest.raises(RuntimeError, match=rf"phantom_regs\.sv: {expected}.*1\.3\.1"):
        registers.shorten(block)
