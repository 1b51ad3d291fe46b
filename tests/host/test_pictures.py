"""Pictures for notebooks: what they say and how large they are, with matplotlib and without; and that words cover every cause."""

from __future__ import annotations

import base64
import struct
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phantom import advice, binding, plot, plot_images, plot_parts, plot_times
from phantom.config import load_config
from phantom.counters import Counters
from phantom.errors import PhantomError, ShapeError
from phantom.estimate import BOUNDS, StageCycles
from phantom.picture import SCREEN, Picture
from phantom.plot_sweep import sparsity_sweep
from phantom.report import CAUSES, Measure, Report
from phantom.run import Outcome
from phantom.table import Table

TINY = load_config("tiny")
WAITING = {"hazard": 160, "fetch": 320, "weight": 8000, "channel": 0, "issue": 4000, "bank": 80}


JOINED = ("conv1", "block1.a+block1.shortcut", "/block1/Add", "/mean/GlobalAveragePool", "fc")  # as models have them


def a_large_report(layers: int) -> Report:
    kinds = ("conv 3x3", "conv 3x3/2 + conv 1x1/2", "add", "conv 2x2 g128", "fc")
    found = [Measure(JOINED[i % 5], kinds[i % 5], 1000 + i, 48_010, 3_000, 3_400, WAITING) for i in range(layers)]
    return Report("net", TINY, "rtl", 2, found)


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
    queue = f"{0.5 / TINY.weight_ports:.0%}"
    times = {"cpu": np.array([50.0, 60, 70, 5000]), "ours": np.array([10.0, 12, 14, 13])}
    return {
        "states": (plot.thread_states(a_report()), "c1 18.8%, c2 18.8%, total 18.8%"),
        "throughput": (plot.throughput(a_report()), "dense peak 3.2 GOP/s: c1 18.8% at 9.6 GOP/s"),
        "predictions": (plot_images.predictions(*some_digits()), "2 of 3 right: 1 2(0) 0"),
        "scores": (plot_images.score_bars(*some_digits(), most=2), "read as 1, is 1, read as 2, is 0"),
        "bounds": (plot_parts.bounds([stage("c1", 50.0)], events), "c1: 200 cycles, multipliers 25% of them"),
        "waits": (plot_parts.waits(["c1"], events, TINY), f"weight ports for room in a queue {queue}, LAM for input rows 25%"),
        "timeline": (plot_times.timeline(outcome), "one image: 10.0 us, 9.0 to 11.0; layers: c1 5.0, c2 5.0"),
        "times": (plot_times.times_picture(times, ("ours",)), "cpu: median 65.0 us; ours: median 12.5 us"),
        "sweep": (sparsity_sweep((0, 0.5), curves, 0.5), "a: 0% pruned 100.0% right 20 cycles, 50% pruned 50.0% right 10 cycles"),
    }  # fmt: skip


def test_every_picture_is_drawn_sharp_and_says_what_it_shows() -> None:
    pytest.importorskip("matplotlib")
    for name, (picture, says) in all_pictures().items():
        assert says in repr(picture), name
        data, about = picture._repr_mimebundle_()
        png, shown = base64.b64decode(data["image/png"]), about["image/png"]
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (pytest.approx(2 * shown["width"], abs=2), pytest.approx(2 * shown["height"], abs=2)), name
        assert 100 < shown["height"] < 560 and 200 < shown["width"] <= 960, name
        assert shown["alt"] == picture.words and f'alt="{picture.words}"' in data["text/html"], name


def test_without_matplotlib_there_are_the_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*(n for n in sys.modules if n.split(".")[0] == "matplotlib"), "matplotlib", "matplotlib.figure"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name, (picture, says) in all_pictures().items():
        assert says in repr(picture) and "a plot needs matplotlib" in repr(picture), name
        assert picture._repr_mimebundle_() == ({}, {})
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


def test_what_was_read_wrongly_is_shown_first_where_not_all_fit() -> None:
    assert plot_images.predictions(*some_digits(), most=2).words == "2 of 3 right: 2(0) 1"


def test_words_and_marks_cover_all_that_is_counted() -> None:
    assert set(advice.MEANING) == set(advice.HELP) == set(CAUSES)
    assert set(plot_parts.NEEDS) == set(BOUNDS)
    assert set(plot.COLOURS) == set(plot.PARTS) == {"effectual", *CAUSES}
    counted = {name for waiter in plot_parts.WAITERS for name in (waiter.held, waiter.ahead) if name}
    assert counted < {field.name for field in fields(Counters)} | set(CAUSES)
    assert all(waiter.what if waiter.held else waiter.room for waiter in plot_parts.WAITERS)


@pytest.mark.parametrize("layers", [1, 5, 11, 22, 23, 60])
def test_pictures_of_large_networks_fit_on_a_screen_and_no_names_overlap(layers: int) -> None:
    pytest.importorskip("matplotlib")
    report = a_large_report(layers)
    figures = [stage(measure.name, 100.0) for measure in report.layers]
    events = [some_counters(cycles=200 + i, lam_starved=50) for i in range(layers)]
    names = [measure.name for measure in report.layers]
    drawn = (plot.thread_states(report), plot.throughput(report), plot_parts.bounds(figures, events))
    for picture in (*drawn, plot_parts.waits(names, events, TINY)):
        picture.figure.draw_without_rendering()
        size = picture.figure.get_size_inches() * SCREEN
        assert size[0] <= 960 and size[1] <= 560
        boxes = [label.get_window_extent() for label in picture.figure.axes[0].get_yticklabels()]
        assert all(above.y0 >= below.y1 for above, below in pairwise(boxes))
        assert all(box.x0 >= 0 for box in boxes)


def test_words_of_a_picture_cannot_end_its_html() -> None:
    pytest.importorskip("matplotlib")
    data, _ = Picture('a "b" <c>', 1, 1, lambda figure: None)._repr_mimebundle_()
    assert 'alt="a &quot;b&quot; &lt;c&gt;"' in data["text/html"]


def test_waits_are_of_each_part_and_only_what_took_long_is_drawn() -> None:
    events = replace(some_counters(cycles=100, lam_starved=40, out_blocked=4), sampled={"weight": 16 * 30, "bank": 16 * 50})
    picture = plot_parts.waits(["c1"], [events], TINY)
    said = "c1: threads for weights 30%, LAM for input rows 40%, threads for the drain 50%, output port for memory 4%"
    assert picture.words == f"who waited, in shares of the cycles: {said}"
    if picture.figure is not None:
        titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
        assert titles == ["threads", "LAM", "threads", ""]


def test_the_smaller_layers_of_a_large_network_are_one_bar() -> None:
    words = plot.thread_states(a_large_report(60)).words
    assert "39 others 18.8%" in words or "39 others 18" in words
    assert words.count("%") == 23


def test_advice_has_a_row_for_each_cause_with_its_layers() -> None:
    rows = advice.advice(a_report()).rows
    assert [row[:2] for row in rows] == [
        ("weight: has no weight", "c1 50%, c2 50%"),
        ("issue: waits for the front end", "c1 25%, c2 25%"),
    ]
    assert rows[0][2:] == (advice.MEANING["weight"], advice.HELP["weight"])
    busy = Report("net", TINY, "rtl", 1, [Measure("c", "conv", 1000, 48_000, 15_900, 15_900, {})])
    assert advice.advice(busy).rows == [("nothing much", "c", "No cause takes a tenth of their time.", "")]


def test_advice_does_not_ask_for_kernels_where_there_are_none() -> None:
    kinds = ("add", "maxpool 2x2/2", "fc")
    layers = [Measure(kind, kind, 1000, 48_010, 3_000, 3_400, {"channel": 9000, "issue": 4000}) for kind in kinds]
    rows = advice.advice(Report("net", TINY, "rtl", 1, layers)).rows
    assert [row[0] for row in rows] == ["additions and poolings", "fully connected"]
    assert rows[0][1] == "add (channel 56%, issue 25%), maxpool 2x2/2 (channel 56%, issue 25%)"
    assert not any("kernels" in row[3] for row in rows)


@pytest.mark.parametrize(("bound", "says"), [(50.0, "not what is waited for: they need 10%"), (400.0, "time of c1 (80%)")])
def test_advice_agrees_with_the_ports_shares(bound: float, says: str) -> None:
    figures = StageCycles("c1", "conv", 0.5, 0.5, 100.0, dict.fromkeys(BOUNDS, bound), 1000, 500.0)
    (helps,) = (row[3] for row in advice.advice(a_report(), [figures]).rows if row[0].startswith("weight"))
    assert says in helps


COMPILED = SimpleNamespace(source=SimpleNamespace(logical=(64, 4, 4)))  # as much of a stage as a verdict looks at


@pytest.mark.parametrize(
    ("kind", "need", "events", "part", "shown"),
    [
        ("conv", {}, {"macs": 14_000}, "the multipliers", "busy in 88%"),
        ("conv", {"weights": 900}, {"weight": 9000}, "a weight port", "takes 90% of the time"),
        ("conv", {"LAM": 800}, {"channel": 9000}, "the LAM", "packing the nonzeros alone takes 80%"),
        ("fc", {}, {"channel": 9000, "lam_starved": 30}, "the LAM", "input's 64 channels takes 64 steps"),
        ("add", {}, {"channel": 9000, "lam_starved": 30}, "the LAM", "rows and their ends"),
        ("conv", {}, {"channel": 9000, "lam_starved": 600}, "the arrival of the input", "60% of the cycles"),
        ("conv", {}, {"weight": 9000, "wgt_starved": 2 * 400}, "the memory", "wait for the memory"),
        ("conv", {}, {"weight": 9000, "wgt_blocked": 2 * 400}, "the threads' unequal shares", "done before the others"),
        ("conv", {}, {"weight": 9000, "drain_wait": 500}, "the layer's beginning and end", "at work in 50% of it"),
        ("conv", {}, {"issue": 9000}, "the cores' front ends", "56%"),
        ("conv", {}, {"fetch": 9000}, "reading the activation buffers", "56%"),
        ("conv", {}, {"hazard": 9000}, "the adders' latency", "56%"),
        ("conv", {}, {"bank": 9000}, "the drain", "56%"),
    ],
)
def test_what_binds_a_layer(kind: str, need: dict[str, float], events: dict[str, int], part: str, shown: str) -> None:
    bounds = dict.fromkeys(BOUNDS, 50.0) | need
    figures = StageCycles("c", kind, 0.5, 0.5, 100.0, bounds, 1000, 500.0)
    counted = {name: value for name, value in events.items() if name not in CAUSES}
    waited = {name: value for name, value in events.items() if name in CAUSES}
    counters = replace(some_counters(cycles=1000, **counted), sampled=waited)
    found = binding.verdict(COMPILED, figures, counters, TINY)  # type: ignore[arg-type]
    assert found[0] == part and shown in found[1]


def test_times_have_a_spread() -> None:
    table = plot_times.times_table({"a": np.arange(1.0, 102), "b": np.full(5, 102.0)}, "a")
    assert table.rows == [("a", "51.0", "6.0 to 96.0", "101", ""), ("b", "102.0", "102.0 to 102.0", "5", "2.0 times slower")]
    assert table.head[-1] == "than a"


@pytest.mark.parametrize(
    ("ours", "says"), [(10.0, "5.0 times faster than cpu"), (49.0, "as fast as cpu"), (200.0, "4.0 times slower than cpu")]
)
def test_a_sentence_says_which_is_faster(ours: float, says: str) -> None:
    times = {"slow cpu": np.full(3, 90.0), "cpu": np.full(3, 50.0), "ours": np.full(3, ours)}
    assert plot_times.message(times, "ours", 125.0) == f"ours, at 125 MHz: {ours:.1f} us an image, {says} (50.0 us)."


def test_a_table_is_html_and_text() -> None:
    table = Table(("name", "n"), [("<a>", 1), ("b", 20)], left=("name",))
    assert repr(table).splitlines()[2:] == ["<a>    1", "b     20"]
    page = table._repr_html_()
    assert "&lt;a&gt;" in page and "<a>" not in page and page.count("<tr>") == 3
