"""Figures of a report follow from its counts, and the table stays within a terminal."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from phantom.config import load_config
from phantom.report import CAUSES, Measure, Report, add, amount, duration, grid, plural

TINY = load_config("tiny")  # 16 multipliers at 100 MHz


def a_measure(name: str = "c1", cycles: int | None = 1000) -> Measure:
    sampled = {"hazard": 160, "fetch": 320, "weight": 1600, "channel": 0, "issue": 4000, "bank": 80}
    return Measure(name, "conv 3x3", cycles, macs_dense=48_010, macs_effectual=8_000, macs=8_400, sampled=sampled)


def a_report(cycles: int | None = 1000, name: str = "c1") -> Report:
    return Report("net", TINY, "rtl", 2, [a_measure(name, cycles), a_measure("c2", None if cycles is None else 3 * cycles)], True)


def test_figures() -> None:
    measure = a_measure()
    assert measure.utilisation(16) == 8_000 / 16_000
    assert measure.speedup(16) == math.ceil(48_010 / 16) / 1000 == 3.001
    assert measure.gops(100) == pytest.approx(2 * 48_010 / (1000 / 100e6) / 1e9)
    stalls = measure.stalls(16)
    assert stalls == {"hazard": 0.01, "fetch": 0.02, "weight": 0.1, "channel": 0, "issue": 0.25, "bank": 0.005, "edge": 0.025}
    assert list(stalls) == list(CAUSES)


def test_total_is_the_sum_and_the_mean_is_of_layers() -> None:
    report = a_report()
    total = report.total
    assert (total.cycles, total.macs_dense, total.macs_effectual, total.macs) == (4000, 96_020, 16_000, 16_800)
    assert total.sampled["issue"] == 8000
    assert report.speedup_layer_mean == pytest.approx((3.001 + 3.001 / 3) / 2)
    assert total.speedup(16) == math.ceil(96_020 / 16) / 4000


def test_document_can_be_recomputed_from_itself() -> None:
    document = json.loads(json.dumps(a_report().document()))
    assert (document["config"], document["device"], document["bit_exact"]) == ("tiny", "rtl", True)
    assert "accuracy" not in document
    for entry in [*document["layers"], document["totals"]]:
        assert entry["utilisation"] == entry["macs_effectual"] / (document["multipliers"] * entry["cycles"])
        assert entry["speedup_over_dense"] == math.ceil(entry["macs_dense"] / document["multipliers"]) / entry["cycles"]
        assert set(entry["stalls"]) == set(CAUSES)
    mean = sum(entry["speedup_over_dense"] for entry in document["layers"]) / 2
    assert document["totals"]["speedup_layer_mean"] == mean


def test_some_layers_of_all() -> None:
    """Their sum is not taken for that of the network."""
    some = replace(a_report(), in_all=5)
    assert "4,000 cycles for 2 images in these 2 of 5 layers: 20.0 us each at 100 MHz" in some.table()
    assert some.document()["layers_in_all"] == 5
    every = replace(a_report(), in_all=2)
    assert "4,000 cycles for 2 images: 20.0 us each" in every.table() and "layers_in_all" not in every.document()


def test_nothing_multiplies() -> None:
    pool = Measure("pool", "maxpool 2x2/2", 100, 0, 0)
    text = Report("net", TINY, "rtl", 1, [pool], in_all=2).table()
    assert "100 cycles for 1 image in these 1 of 2 layers: 1.0 us each" in text and "dense multipliers" not in text


def test_duration() -> None:
    assert (duration(78.94), duration(999.9), duration(25_000), duration(12_345_678)) == (
        "78.9 us", "999.9 us", "25.0 ms", "12,345.7 ms",
    )  # fmt: skip


def test_without_cycles() -> None:
    report = a_report(None)
    entry = report.document()["layers"][0]
    assert entry["cycles"] is entry["utilisation"] is entry["speedup_over_dense"] is None and entry["stalls"] == {}
    assert report.speedup_layer_mean is None
    assert "cycles" not in report.table() and "48 k" in report.table()
    assert add("both", [a_measure(), a_measure(cycles=None)]).cycles is None


@pytest.mark.parametrize("cycles", [1000, 9_876_543_210])
def test_table_fits(cycles: int) -> None:
    text = a_report(cycles, "a_very_long_name_of_a_layer").table()
    assert max(map(len, text.splitlines())) <= 100
    assert f"{cycles:,}" in text and "a_very_~_layer" in text and "mean of layers" in text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 k"),
        (1234, "1.23 k"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (2e9, "2 G"),
    ],
)
def test_amount(count: int, text: str) -> None:
    assert amount(int(count)) == text


def test_grid_and_plural() -> None:
    assert grid(("a", "b"), [("x", "1"), ("yy", "22")], {"a"}) == ["a    b", "------", "x    1", "yy  22"]
    assert (plural(1, "image"), plural(1200, "image")) == ("1 image", "1,200 images")
