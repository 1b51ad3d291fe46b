"""Named configurations: what is there loads, what is wrong is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from phantom.config import default_path, load_config, load_configs
from phantom.errors import ConfigError


def test_the_committed_ones() -> None:
    configs = load_configs()
    multipliers = {"tiny": 16, "small": 32, "pynq_z2": 128, "big": 512, "zcu104": 512}
    assert {name: config.multipliers for name, config in configs.items()} == multipliers
    board = load_config("pynq_z2")
    assert (board.rows, board.cols, board.threads, board.clock_mhz) == (4, 4, 8, 125)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no configuration 'huge'; there are big, pynq_z2"):
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


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n", "tiny: 3\n", "1: {}\n", "a: {rows: 1, rows: 2}\n"])
def test_wrong_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "configs.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_configs(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_configs(tmp_path / "none.yaml")
