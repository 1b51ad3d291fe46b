"""Pictures for notebooks: what they say and how large they are, with matplotlib and without; and that words cover every cause."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phantom import advice, plot, plot_images, plot_parts, plot_times
from phantom.config import load_config
from phantom.counters import Counters
from phantom.errors import PhantomError, ShapeError
from phantom.estimate import BOUNDS, StageCycles
from phantom.picture import Picture
from phantom.plot_sweep import sparsity_sweep
from phantom.report import CAUSES, Measure, Report
from phantom.run import Outcome
from phantom.table import Table

TINY = load_config("tiny")
WAITING = {"hazard": 160, "fetch": 320, "weight": 8000, "channel": 0, "issue": 4000, "bank": 80}


def a_report(cycles: int | None = 1000) -> Report:
    layers = [Measure(name, "conv 3x3", cycles, 48_010, 3_000, 3_400, WAITING if cycles else {}) for name in ("c1", "c2")]
    return Report("net", TINY, "rtl" if cycles else "reference", 2, layers)


def some_counters(**given: int) -> Counters:
    numbers = {field.name: given.get(field.name, 0) for field in fields(Counters) if field.name != "sampled"}
    return Counters(**numbers, sampled={})


def some_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores = np.array([[3, 9, 0], [-5, -7, -1], [4, 0, 2]], np.int8).reshape(3, 3, 1, 1)
    return np.zeros((3, 1, 8, 8), np.uint8), scores, np.array([1, 0, 0])


def stage(name: str, multipliers: float) -> StageCycles:
    bounds = dict.fromkeys(BOUNDS, 10.0) | {"multipliers": multipliers}
    return StageCycles(name, "conv", 0.5, 0.5, 100.0, bounds, 1000, 500.0)


def all_pictures() -> dict[str, tuple[Picture, str]]:
    """One of each kind, and what it must say."""
    outcome = Outcome(a_report(), (), np.array([900, 1100]))
    curves = {"a": ([1.0, 0.5], [20.0, 10.0]), "b": ([0.9, 0.1], [18.0, 9.0])}
    events = [some_counters(cycles=200, lam_starved=50, wgt_blocked=100)]
    times = {"cpu": np.array([50.0, 60, 70, 5000]), "ours": np.array([10.0, 12, 14, 13])}
    return {
        "states": (plot.thread_states(a_report()), "c1 18.8%, c2 18.8%, total 18.8%"),
        "throughput": (plot.throughput(a_report()), "dense peak 3.2 GOP/s: c1 18.8% at 9.6 GOP/s"),
        "predictions": (plot_images.predictions(*some_digits()), "2 of 3 right: 1 2(0) 0"),
        "scores": (plot_images.score_bars(*some_digits(), most=2), "read as 1, is 1, read as 2, is 0"),
        "bounds": (plot_parts.bounds([stage("c1", 50.0)], events), "c1: 200 cycles, multipliers 25% of them"),
        "waits": (plot_parts.waits(["c1"], events, TINY), f"lam_starved 25%, lam_blocked 0%, row_buffer_full 0%, wgt_starved 0%, "
                  f"wgt_blocked {0.5 / TINY.weight_ports:.0%}"),
        "timeline": (plot_times.timeline(outcome), "one image: 10.0 us, 9.0 to 11.0; layers: c1 5.0, c2 5.0"),
        "times": (plot_times.times_picture(times, ("ours",)), "cpu: median 65.0 us; ours: median 12.5 us"),
        "sweep": (sparsity_sweep((0, 0.5), curves, 0.5), "a: 0% pruned 100.0% right 20 cycles, 50% pruned 50.0% right 10 cycles"),
    }  # fmt: skip


def test_every_picture_is_drawn_sharp_and_says_what_it_shows() -> None:
    pytest.importorskip("matplotlib")
    for name, (picture, says) in all_pictures().items():
        assert says in repr(picture), name
        found = picture._repr_png_()
        assert found is not None
        png, shown = found
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (pytest.approx(2 * shown["width"], abs=2), pytest.approx(2 * shown["height"], abs=2)), name
        assert 100 < shown["height"] < 560 and 200 < shown["width"] <= 960, name


def test_without_matplotlib_there_are_the_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*(n for n in sys.modules if n.split(".")[0] == "matplotlib"), "matplotlib", "matplotlib.figure"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name, (picture, says) in all_pictures().items():
        assert says in repr(picture) and "a plot needs matplotlib" in repr(picture), name
        assert picture._repr_png_() is None
        with pytest.raises(PhantomError, match="needs matplotlib"):
            picture.save(tmp_path / "x.png")


def test_drawing_chooses_no_backend() -> None:
    """Whoever imports this in a program, or a notebook, of his own keeps the backend that he has."""
    pytest.importorskip("matplotlib")
    code = "import sys, phantom.plot, phantom.picture as p; p.new_figure(1, 1); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(Path(plot.__file__).parents[1])})


def test_saves_to_a_file_or_says_why_not(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture, _ = all_pictures()["timeline"]
    picture.save(tmp_path / "x.svg")
    assert "<svg" in (tmp_path / "x.svg").read_text()
    for path in (tmp_path / "none" / "x.png", tmp_path / "x.nonsense"):
        with pytest.raises(PhantomError, match="cannot be written"):
            picture.save(path)


@pytest.mark.parametrize("draw", [plot.thread_states, plot.throughput, lambda report: plot_times.timeline(Outcome(report, ()))])
def test_a_device_without_cycles_has_nothing_to_draw(draw: Any) -> None:
    with pytest.raises(PhantomError, match="'reference' counts no cycles"):
        draw(a_report(None))


def test_images_scores_and_labels_must_belong_together() -> None:
    images, scores, labels = some_digits()
    for wrong in ((images[:2], scores, labels), (images[0], scores, labels), (images, scores, labels[:2])):
        with pytest.raises(ShapeError, match=r"they must be \[N, 1, H, W\]"):
            plot_images.predictions(*wrong)


def test_words_and_marks_cover_all_that_is_counted() -> None:
    assert set(advice.MEANING) == set(advice.HELP) == set(CAUSES)
    assert set(plot_parts.MARKS) == set(BOUNDS)
    assert set(plot_parts.WAITS) < {field.name for field in fields(Counters)}


def test_advice_names_what_takes_more_than_a_tenth() -> None:
    rows = advice.advice(a_report()).rows
    assert [row[:2] for row in rows] == [("c1", "weight 50%"), ("", "issue 25%"), ("c2", "weight 50%"), ("", "issue 25%")]
    assert rows[0][2:] == (advice.MEANING["weight"], advice.HELP["weight"])
    busy = Report("net", TINY, "rtl", 1, [Measure("c", "conv", 1000, 48_000, 15_900, 15_900, {})])
    assert advice.advice(busy).rows == [("c", "nothing much", "No cause takes a tenth of its time.", "")]


def test_times_have_a_spread() -> None:
    table = plot_times.times_table({"a": np.arange(1.0, 102), "b": np.full(5, 102.0)}, "a")
    assert table.rows == [("a", "51.0", "6.0 to 96.0", "101", "1.00x"), ("b", "102.0", "102.0 to 102.0", "5", "2.00x")]


def test_a_table_is_html_and_text() -> None:
    table = Table(("name", "n"), [("<a>", 1), ("b", 20)], left=("name",))
    assert repr(table).splitlines()[2:] == ["<a>    1", "b     20"]
    page = table._repr_html_()
    assert "&lt;a&gt;" in page and "<a>" not in page and page.count("<tr>") == 3
