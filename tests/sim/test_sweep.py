"""phantom sweep: grids, resuming, processes and workers that die, pictures, bad input."""

from __future__ import annotations

import itertools
import json
import math
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from phantom.cli import main
from phantom.errors import ConfigError, DeviceTimeout, FormatError, PhantomError, RangeError
from phantom_sim import sweep_plots, sweep_run
from phantom_sim.evaluation import evaluate
from phantom_sim.sweep import sweep
from phantom_sim.sweep_grid import Point, load_grid
from phantom_sim.sweep_results import Results
from phantom_sim.sweep_run import COLUMNS, DESIGNS, cluster, local, run_point
from phantom_sim.workloads.model import model_layers

MODEL = str(Path("host/phantom/networks/digits_plain.onnx").resolve())
GRID = {"config": "tiny", "networks": [MODEL], "mesh": [[1, 2], [2, 2]], "bandwidth": [640, 320]}


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump(GRID | changes))
    return path


@pytest.fixture
def points(tmp_path: Path) -> list[Point]:
    return load_grid(write(tmp_path / "grid.yaml"))


def count_runs(points: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
    """A runner that only numbers what it is asked for."""
    for number, point in enumerate(points):
        yield point, dict.fromkeys(COLUMNS, float(number)) | {"cycles ours": None, "refused": 'no, "not" this, \u00fc'}


# --- grids and points ----------------------------------------------------------------------------------------------------------


def test_every_combination_once(tmp_path: Path) -> None:
    found = load_grid(write(tmp_path / "g.yaml", lf=[16, 8], bandwidth=[640, 320, 640]))
    assert len(found) == len(set(found)) == 2 * 2 * 2
    sizes = itertools.product(((1, 2), (2, 2)), (16, 8), (640.0, 320.0))
    assert {((p.rows, p.cols), p.lf, p.bandwidth) for p in found} == set(sizes)
    assert {p.act_words for p in found} == {512} and found[0].sized().multipliers == 16
    assert {(p.paper_lf, p.paper_selector) for p in found} == {(27, "out of order")}
    found = load_grid(write(tmp_path / "g.yaml", paper_lf=[3, 27], paper_selector=["in order", "out of order"]))
    assert len(found) == 4 * 4 and {p.paper_lf for p in found} == {3, 27}


def test_numbers_of_multipliers_instead_of_meshes(tmp_path: Path) -> None:
    """For all designs; ours is left out where it has no mesh of that size, and says why."""
    path = tmp_path / "g.yaml"
    path.write_text(yaml.safe_dump({"config": "tiny", "networks": [MODEL], "multipliers": [16, 36, 128, 4096]}))
    found = {point.multipliers: point for point in load_grid(path)}
    assert (found[16].rows, found[16].cols) == (2, 1) and (found[128].rows, found[128].cols) == (4, 4)
    assert found[128].sized().multipliers == 128
    for size in (36, 4096):
        with pytest.raises(ConfigError, match=f"{size} multipliers are no mesh of cores"):
            found[size].sized()
    row = run_point(found[36])
    assert row["cycles ours"] is None and "36 multipliers are no mesh" in row["refused"]
    assert row["cycles SCNN"] > 0 and row["cycles dense"] == pytest.approx(row["macs_dense"] / 36, rel=0.01)


def test_a_point_is_an_evaluation(points: list[Point]) -> None:
    point = points[0]
    row = run_point(point)
    layers = model_layers(MODEL)[0]
    found = evaluate("x", "", [layers], point.sized(), 16, 4 * 640 / 100, processes=1)
    assert tuple(row) == COLUMNS
    for name in DESIGNS:
        assert row[f"cycles {name}"] == sum(layer.cycles[name] for layer in found.layers)
        assert row[f"speedup_layer_mean {name}"] == pytest.approx(found.speedup_layer_mean(name))


def test_bandwidth_counts_for_all(points: list[Point]) -> None:
    full, slow = (run_point(replace(points[0], bandwidth=bandwidth)) for bandwidth in (640, 40))
    assert slow["cycles ours"] > 1.5 * full["cycles ours"] and slow["cycles SCNN"] > full["cycles SCNN"]
    assert slow["cycles dense"] == full["cycles dense"], "which has its data at hand"
    # A port has 64 bits: memory that is faster than the clock brings nothing.
    fast, faster = (run_point(replace(points[0], bandwidth=bandwidth)) for bandwidth in (1600, 6400))
    assert fast["cycles ours"] == faster["cycles ours"] <= full["cycles ours"]


def test_lookahead_of_the_papers_core(points: list[Point]) -> None:
    rows = [
        run_point(replace(points[0], paper_lf=lf, paper_selector=order))
        for lf, order in ((3, "in order"), (3, "out of order"), (27, "out of order"))
    ]
    found = [row["cycles Phantom paper"] for row in rows]
    assert found[0] > found[2] and found[0] >= found[1] > found[2]
    assert len({row["cycles ours"] for row in rows}) == len({row["cycles SCNN"] for row in rows}) == 1


def test_a_lookahead_that_ours_is_not_laid_out_for(points: list[Point]) -> None:
    row = run_point(replace(points[0], lf=8))
    assert row["cycles ours"] is None and "lf = 8; the RTL is laid out for 16" in row["refused"]


# --- resuming ------------------------------------------------------------------------------------------------------------------


def test_a_sweep_goes_on_where_it_stopped(tmp_path: Path, points: list[Point]) -> None:
    path = tmp_path / "r.csv"

    def interrupted(missing: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
        yield from itertools.islice(count_runs(missing), 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(points, Results(path, COLUMNS), interrupted)
    asked: list[Point] = []

    def rest(missing: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
        asked.extend(missing)
        return count_runs(missing)

    rows = sweep(points, Results(path, COLUMNS), rest)
    assert asked == points[2:] and len(rows) == 4 and rows[0]["macs_dense"] == 0 and rows[0]["cycles ours"] is None
    again = sweep(points, Results(path, COLUMNS), lambda missing: pytest.fail("nothing is missing"))
    assert again == rows


def test_a_line_that_a_crash_cut_off_is_done_again(tmp_path: Path, points: list[Point]) -> None:
    path = tmp_path / "r.csv"
    sweep(points, Results(path, COLUMNS), count_runs)
    whole = path.read_bytes()
    for cut in (1, 5, len(whole) - whole[:-1].rfind(b"\n") - 2):
        path.write_bytes(whole[:-cut])
        found = Results(path, COLUMNS)
        assert found.done() == set(points[:-1]), cut
        sweep(points, found, count_runs)
        assert Results(path, COLUMNS).done() == set(points)


def test_unreadable_results(tmp_path: Path, points: list[Point]) -> None:
    path = tmp_path / "r.csv"
    sweep(points, Results(path, COLUMNS), count_runs)
    good = path.read_text()
    lines = good.splitlines(keepends=True)
    for text, words in (
        ("a,b\n1,2\n", "other columns"),
        (lines[0] + "1,2\n", "line 2: 2 values for"),
        (lines[0] + lines[1].replace(",16,", ",x,", 1), "line 2: invalid literal"),
        (lines[0] + lines[1].rstrip("\n").rsplit(",", 1)[0] + ",much\n", "line 2: could not convert"),
    ):
        path.write_text(text)
        with pytest.raises(FormatError, match=words):
            Results(path, COLUMNS)
        assert path.read_text() == text, "somebody's data stays as it is"
    path.write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(FormatError, match="not a CSV file"):
        Results(path, COLUMNS)
    with pytest.raises(FormatError, match="cannot be opened"):
        Results(tmp_path, COLUMNS)


# --- those who die -------------------------------------------------------------------------------------------------------------


def test_a_process_that_dies_costs_no_result(tmp_path: Path, points: list[Point]) -> None:
    killed: list[int] = []

    def runner(missing: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
        for point, row in local(2)(missing):
            if not killed:
                child = multiprocessing.active_children()[0]
                assert child.pid
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)
            yield point, row

    rows = sweep(points, Results(tmp_path / "r.csv", COLUMNS), runner)
    assert killed and [row["cycles SCNN"] for row in rows] == [run_point(point)["cycles SCNN"] for point in points]
    assert len(Results(tmp_path / "r.csv", COLUMNS).rows) == len(points), "and none twice"


def test_processes_that_die_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_run, "run_point", os._exit)  # a process ends at once, and its point is the exit code
    with pytest.raises(PhantomError, match="3 points are left"):
        list(local(2)([7, 8, 9]))  # type: ignore[list-item]


def test_a_worker_that_dies_costs_no_result(tmp_path: Path, points: list[Point]) -> None:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as here:
        with distributed.Client(here) as client:
            pids = sorted(client.run(os.getpid).values())
        killed: list[int] = []

        def runner(missing: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
            for point, row in cluster(here.scheduler_address)(missing):
                if not killed:
                    killed.append(pids[0])
                    os.kill(pids[0], signal.SIGKILL)
                yield point, row

        rows = sweep(points, Results(tmp_path / "r.csv", COLUMNS), runner)
    assert killed and [row["cycles SCNN"] for row in rows] == [run_point(point)["cycles SCNN"] for point in points]


def test_schedulers_that_are_not_there(points: list[Point], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    from phantom_sim import optional_dask

    monkeypatch.setattr(optional_dask, "TIMEOUT", 1)
    with pytest.raises(DeviceTimeout, match="no scheduler answers"):
        next(iter(cluster("tcp://127.0.0.1:1")(points)))
    with pytest.raises(PhantomError, match="tcp://host:8786"):
        next(iter(cluster("nonsense://x")(points)))


# --- command line, pictures ----------------------------------------------------------------------------------------------------


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = write(tmp_path / "grid.yaml", bandwidth=[640])
    assert main(["sweep", str(grid), "--processes", "1"]) == 0
    out = capsys.readouterr().out
    assert "digits_plain" in out and "ours (cycle model)" in out and "1x2" in out and "2x2" in out
    assert main(["sweep", str(grid), "--processes", "1"]) == 0
    assert "2 points of 2 from" in capsys.readouterr().out


def rows_for_plots() -> list[dict[str, Any]]:
    rows = []
    pairs = [(w, a) for w in (0.2, 1.0) for a in (0.3, 1.0)]
    for (weights, activations), (mesh_rows, mesh_cols) in itertools.product(pairs, ((2, 2), (4, 4))):
        sizes = mesh_rows * mesh_cols * 8, mesh_rows, mesh_cols, 8, 16, 27, "out of order", 512, 12288
        point = Point("vgg16", "pynq_z2", *sizes, 800.0, weights, activations, 1)
        figures = {"speedup_total": 0.7 / weights / activations, "utilisation": 0.6, "cycles": 1e6, "speedup_layer_mean": 1.0}
        values = {f"{figure} {name}": value for name in DESIGNS for figure, value in figures.items()}
        rows.append({**point.__dict__, "macs_dense": 1e9, "bound_total": 2.0, **values})
    return rows


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    resources = tmp_path / "resources.json"
    resources.write_text(json.dumps({"config": "pynq_z2", "lut": 40512}))
    names = sorted(path.name for path in sweep_plots.plots(rows_for_plots(), tmp_path, [resources]))
    assert names == sorted(
        [*(f"densities-vgg16-{i}.png" for i in range(2)), *(f"multipliers-vgg16-{i}.png" for i in range(4)), "pareto.png"]
    )
    assert not sweep_plots.plots(rows_for_plots()[:1], tmp_path, []), "one point shows nothing"
    for key, value, name in (("bandwidth", 400.0, "bandwidth"), ("paper_lf", 3, "lookahead")):
        one = rows_for_plots()[0]
        assert [p.name for p in sweep_plots.plots([one, one | {key: value}], tmp_path, [])] == [f"{name}-vgg16-0.png"]
    for text in ("{}", "no JSON", '{"config": "pynq_z2", "lut": "many"}'):
        resources.write_text(text)
        with pytest.raises(FormatError, match=r"resources\.json: not what"):
            sweep_plots.plots(rows_for_plots(), tmp_path, [resources])


# --- bad input -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"mesh": [[0, 4]]}, ConfigError, "rows = 0; it must be"),
        ({"mesh": [[4, 17]]}, ConfigError, "cols = 17"),
        ({"mesh": ["4x4"]}, ConfigError, r"\[rows, columns\]"),
        ({"mesh": [[4, 0]]}, ConfigError, "cols = 0; it must be"),
        ({"mesh": [4]}, ConfigError, "multipliers 4; the rivals scale from 16 on"),
        ({"multipliers": [64]}, ConfigError, "both mesh and multipliers"),
        ({"paper_lf": [0]}, RangeError, r"paper_lf 0; it must be within 1\.\.31"),
        ({"paper_lf": [32]}, RangeError, "paper_lf 32"),
        ({"paper_lf": ["all"]}, ConfigError, "paper_lf 'all'"),
        ({"paper_selector": ["backwards"]}, ConfigError, "paper_selector 'backwards'; it must be in order or out of order"),
        ({"mesh": [[1, 1]]}, ConfigError, "8 multipliers; the rivals scale from 16 on"),
        ({"mesh": []}, ConfigError, "at least one value"),
        ({"threads": 8}, ConfigError, "threads is 8; it must be a list"),
        ({"threads": [True]}, ConfigError, "threads True"),
        ({"lf": [24]}, ConfigError, "lf = 24; it must be a power of two"),
        ({"act_words": [64]}, ConfigError, "act_words 64 hold 128 activations"),
        ({"row_buffer_words": [10]}, ConfigError, "row_buffer_words = 10"),
        ({"bandwidth": [0]}, ConfigError, "bandwidth 0; it must be a positive number"),
        ({"bandwidth": [math.inf]}, ConfigError, "bandwidth inf"),
        ({"bandwidth": [-800]}, ConfigError, "bandwidth -800"),
        ({"networks": ["vgg16"], "densities": [[0.5, -0.1]]}, RangeError, "activations: density -0.1"),
        ({"bandwidth": ["fast"]}, ConfigError, "bandwidth 'fast'"),
        ({"networks": ["vgg16"], "densities": [[0.5, 1.2]]}, RangeError, "activations: density 1.2"),
        ({"networks": ["vgg16"], "densities": [[0, 0.5]]}, RangeError, "weights: density 0"),
        ({"networks": ["vgg16"], "densities": [[0.5]]}, ConfigError, r"\[weights, activations\]"),
        ({"densities": [[0.5, 0.5]]}, ConfigError, "zeros of its own"),
        ({"networks": ["vgg17"]}, ConfigError, "no network 'vgg17'"),
        ({"networks": ["no.onnx"]}, ConfigError, "no such file"),
        ({"networks": ["digits_plain"], "densities": [[0.5, 0.5]]}, ConfigError, "digits_plain has zeros of its own"),
        ({"seeds": [-1]}, RangeError, "seeds -1"),
        ({"mash": [[4, 4]]}, ConfigError, "unknown keys"),
        ({"config": "none"}, ConfigError, "no configuration 'none'"),
    ],
)
def test_impossible_grids(changes: dict[str, Any], error: type[Exception], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        load_grid(write(tmp_path / "grid.yaml", **changes))


def test_files_that_are_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    for text, words in (("[1, 2]", "must map axes"), ("mesh: [[4, 4]]", "axis networks"), ("a: [", "not valid YAML")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_grid(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_grid(tmp_path / "none.yaml")


def test_a_model_without_weights_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    from small_models import Small

    small = Small()
    small.save(tmp_path / "pool.onnx", small.pair(small.op("MaxPool", small.at, kernel_shape=[2, 2])))
    grid = write(tmp_path / "grid.yaml", networks=[str(tmp_path / "pool.onnx")])
    assert main(["sweep", str(grid), "--processes", "1"]) == 2
    assert "no layer has weights" in capsys.readouterr().err
