"""The report, on blocks whose netlists are made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from netlists import Module

import blocks
import timing
import timing_docs
from phantom.errors import ConfigError


class MadeBlock(blocks.Block):
    """A block that needs no synthesis."""

    made: dict[str, Module] = {}

    def netlist(self, result: Path) -> None:
        result.write_text(json.dumps({"modules": {"block": self.made[self.path].document()}}))


Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command on a design of given blocks; what it wrote is in ``tmp_path/timing.json``."""

    def command(made: dict[str, Module], *arguments: str) -> int:
        MadeBlock.made = made
        found = [MadeBlock(path.rpartition(".")[2].replace("u_", "phantom_"), "", path, tmp_path, 1, path) for path in made]
        monkeypatch.setattr(timing, "blocks_of", lambda config, folder: found)
        monkeypatch.setattr("sys.argv", ["timing", "--no-place", "--json", str(tmp_path / "timing.json"), *arguments])
        return timing.main()

    return command


def chain(levels: int) -> Module:
    """A register, LUTs, a register; the input and the output are registers too."""
    module = Module().port("input", in_i=["i"]).port("output", out_o=["b_q"])
    return module.ff("i", "a_q").chain("a_q", levels, "n").ff("n", "b_q")


def test_seven_levels_are_accepted_and_eight_are_not(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"phantom_top.u_good": chain(7)}) == 0
    document = json.loads((tmp_path / "timing.json").read_text())
    assert document["meets"] is True
    assert (document["config"], document["limit_levels"], document["clock_ns"]) == ("pynq_z2", 7, 8.0)
    assert run({"phantom_top.u_deep": chain(8)}) == 1  # though it takes no longer than the clock
    assert run({"phantom_top.u_good": chain(7), "phantom_top.u_bad": chain(11)}) == 1
    document = json.loads((tmp_path / "timing.json").read_text())
    assert document["meets"] is False
    bad = document["blocks"]["phantom_bad"]
    assert (bad["levels"], bad["ns"], bad["from"], bad["to"]) == (11, 9.03, "a_q", "b_q")
    assert bad["to_output"] == {"levels": 0, "carry": 0, "mux": 0, "ns": 0.46, "from": "b_q", "to": "out_o", "through": []}
    assert bad["straight"] is None
    assert [(path["levels"], path["to"]) for path in bad["worst"]] == [(11, "b_q")]
    assert [(path["block"], path["levels"]) for path in document["worst"]] == [("phantom_bad", 11), ("phantom_good", 7)]
    output = capsys.readouterr().out
    assert "2 blocks: 1 with more than 7 levels, 1 with a path slower than 8 ns" in output


def test_what_is_slower_than_the_clock_is_not_accepted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run({"phantom_top.u_slow": chain(7)}) == 0
    monkeypatch.setattr("delays.ROUTE", 1.0)
    assert run({"phantom_top.u_slow": chain(7)}) == 1
    assert run({"phantom_top.u_good": chain(5)}) == 0


def test_of_two_variants_of_a_block_the_slower_one_is_reported(run: Run, tmp_path: Path) -> None:
    assert run({"phantom_top.u_a.u_fifo": chain(2), "phantom_top.u_b.u_fifo": chain(4), "phantom_top.u_c.u_fifo": chain(3)}) == 0
    reported = json.loads((tmp_path / "timing.json").read_text())["blocks"]["phantom_fifo"]
    assert (reported["levels"], reported["instance"]) == (4, "phantom_top.u_b.u_fifo")


def test_what_is_seen_in_a_block_and_around_it_counts_once(run: Run, tmp_path: Path) -> None:
    around = Module().ff("0", "u_good[3].a_q").lut("n", "u_good[3].a_q").ff("n", "u_good[3].b_q")
    document = around.document
    around.document = lambda: {  # type: ignore[method-assign]
        **document(),
        "netnames": {n: {"bits": [bit]} for n, bit in around.numbers.items() if n.endswith("_q")},
    }
    run({"phantom_top.u_good[0]": chain(2), "phantom_top": around})
    worst = json.loads((tmp_path / "timing.json").read_text())["worst"]
    assert [(path["from"], path["levels"]) for path in worst] == [("a_q", 2)]


def test_the_list_of_the_worst_names_each_register_once(run: Run, tmp_path: Path) -> None:
    module = Module().ff("0", "a_q").ff("0", "other_q").chain("a_q", 5, "n").chain("other_q", 3, "m")
    module.ff("0", "third_q").chain("third_q", 4, "o").ff("o", "end0_q[1]")  # to a register that is in the list already
    for i in range(4):
        module.ff("0", f"end{i}_q[0]", CE="n")
    run({"phantom_top.u_wide": module.ff("m", "last_q")})
    worst = json.loads((tmp_path / "timing.json").read_text())["worst"]
    assert [(path["from"], path["levels"]) for path in worst] == [("a_q", 5), ("other_q", 3)]


def test_the_parts_of_a_memory_are_one(run: Run, tmp_path: Path) -> None:
    module = Module()
    for part in range(3):
        module.cell("RAMB36E1", name=f"u_ram.mem.0.{part}", DOADO=[f"w{part}.", f"v{part}."])
        module.chain(f"v{part}.", 1 + part, f"n{part}").ff(f"n{part}", f"e{part}_q")
    run({"phantom_top.u_wide": module})
    worst = json.loads((tmp_path / "timing.json").read_text())["worst"]
    assert [(path["from"], path["levels"]) for path in worst] == [("u_ram.mem.0.2.DOADO[1]", 3)]


def test_chosen_blocks(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"phantom_top.u_one": chain(1), "phantom_top.u_two": chain(2)}
    run(made, "--block", "two")
    assert list(json.loads((tmp_path / "timing.json").read_text())["blocks"]) == ["phantom_two"]
    assert "through n" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no block phantom_three; there are phantom_one, phantom_two"):
        run(made, "--block", "three")


def test_lines_fit_a_terminal(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    long = "u_" + "long_name_" * 20
    module = Module().port("input", **{long + "_i": ["i"]}).port("output", **{long + "_o": ["t"]})
    module.lut("t", "i").ff("i", long + "_q").lut(long, long + "_q").ff(long, long + "2_q")
    run({"phantom_top.u_one": module, "phantom_top.u_none": Module()}, "--block", "one", "none")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any("no path between registers" in line for line in lines)
    assert sum("_q -> .." in line for line in lines) == 2


def test_the_slowest_paths_go_into_the_documentation(run: Run, tmp_path: Path) -> None:
    run({"phantom_top.u_good": chain(7), "phantom_top.u_bad": chain(11)})
    document = json.loads((tmp_path / "timing.json").read_text())
    path = tmp_path / "timing.md"
    path.write_text("before\n<!-- paths -->\nold\n<!-- end of paths -->\nafter\n")
    timing_docs.record_paths(document, "1234abcd", path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("\n<!-- end of paths -->\nafter\n") and "old" not in text
    assert "Of 2 blocks 1 has more than 7 levels or a path slower than 8 ns; estimated at commit `1234abcd`:" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows == ["| 9.03 | 11 | 0 | `bad` | `a_q` | `b_q` |", "| 5.95 | 7 | 0 | `good` | `a_q` | `b_q` |"]


def test_a_long_name_keeps_its_end() -> None:
    assert timing_docs.short("a" * 200 + ".tail_q").endswith("aaa.tail_q")
    assert len(timing_docs.short("a" * 200)) == timing_docs.LONGEST
    assert timing_docs.short("b_q") == "b_q"
