"""Named configurations: what is there loads, what is wrong is refused with a reason."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from phantom.config import FIXED, default_path, load_config, load_configs
from phantom.errors import ConfigError
from phantom.tiling import BANK


def test_the_committed_ones() -> None:
    configs = load_configs()
    multipliers = {"tiny": 16, "small": 32, "middle": 64, "pynq_z2": 128, "big": 512, "zcu104": 512}
    assert {name: config.multipliers for name, config in configs.items()} == multipliers
    board = load_config("pynq_z2")
    assert (board.rows, board.cols, board.threads, board.clock_mhz) == (4, 4, 8, 125)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no configuration 'huge'; there are big, middle, pynq_z2"):
        load_config("huge")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rows", 0, "rows = 0; it must be positive"),
        ("rows", True, "type int"),
        ("rows", 2.0, "type int"),
        ("cols", 17, "within 1..16"),
        ("threads", 17, "within 1..16"),
        ("lf", 12, "a power of two within 1..64"),
        ("psum_depth", 1024, "within 2..512"),
        ("directory_depth", 4096, "within 64..2048"),
        ("clock_mhz", -1, "positive"),
        ("clock_mhz", "fast", "type float"),
        ("description", 5, "type str"),
        ("thread", 8, r"unknown keys \['thread'\]"),
        ("lf", None, r"missing keys \['lf'\]"),
    ],
)
def test_wrong_values(tmp_path: Path, key: str, value: object, message: str) -> None:
    document = yaml.safe_load(default_path().read_text())
    if value is None:
        del document["tiny"][key]
    else:
        document["tiny"][key] = value
    path = tmp_path / "configs.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=message) as caught:
        load_configs(path)
    assert "'tiny'" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("threads", 4, r"threads = 4; the RTL has 8 and nothing else: a chunk of the streams has 8 channels"),
        ("lf", 32, r"lf = 32; the RTL has 16 and nothing else: the LAM's pipeline"),
        ("act_words", 256, r"act_words = 256; the RTL has 512 and nothing else: ends of runs have 10 bits"),
        ("psum_depth", 256, r"psum_depth = 256; the RTL has 512 and nothing else: addresses of partial sums have 9 bits"),
    ],
)
def test_sizes_that_the_rtl_does_not_come_in(tmp_path: Path, key: str, value: int, message: str) -> None:
    """Some of them the RTL would refuse in words of its own, a depth of partial sums it would not even notice."""
    document = yaml.safe_load(default_path().read_text())
    document["small"][key] = value
    path = tmp_path / "configs.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=f"configuration 'small': {message}"):
        load_config("tiny", path)
    wrong = replace(load_config("tiny"), **{key: value})  # a model may be asked about it
    with pytest.raises(ConfigError, match=message):
        wrong.check_buildable()


def test_the_fixed_sizes_are_those_of_the_rtl_and_of_the_compiler() -> None:
    def text(name: str) -> str:
        return (default_path().parents[1] / "hls" / f"phantom_{name}.sv").read_text()

    only = {name: value for name, (value, _) in FIXED.items()}
    assert f"initial assert (Lf == {only['lf']})" in text("lam_scan")
    assert f"initial assert (ActWords == {only['act_words']})" in text("run_ring")
    assert f"LanesPerChunk = {only['threads']};" in text("pkg") and "(Threads == LanesPerChunk)" in text("accelerator")
    depth = re.search(r"\.Depth\((\d+)\)\s*\)\s*u_psum\b", text("thread"))
    assert depth is not None and int(depth[1]) == only["psum_depth"] == 2 * BANK


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n", "tiny: 3\n", "1: {}\n", "a: {rows: 1, rows: 2}\n"])
def test_wrong_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "configs.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_configs(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_configs(tmp_path / "none.yaml")
