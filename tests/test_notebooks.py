"""The notebooks: each runs to its end on the simulated board, and on what a board has; and what the package shows inside PYNQ."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_board_python import problems

import phantom
from phantom.config import load_config
from phantom.driver import PARAMETERS
from phantom.files import load_network

HERE = Path(__file__).resolve().parent
NOTEBOOKS = {path.stem: path for path in (Path(phantom.__file__).parent / "notebooks").glob("*.ipynb")}
SIMULATED = 'DEVICE="rtl"'
NOT_ON_A_BOARD = ("onnx", "onnxruntime", "matplotlib", "scipy", "numba")
WIDEST = 115  # columns of code

# Parameters that make it small; pictures and tables that it shows; what it must have printed.
RUNS: dict[str, tuple[list[str], int, int, str]] = {
    "first_steps": (["FILTER=1"], 4, 2, r"equal to the reference bit by bit; 91\.\d% of the multiplications were skipped"),
    "digits": (["IMAGES=3"], 3, 1, r"99\.63% of 540 images are read rightly"),
    "your_model": (["IMAGES=3", "CHECKED=20", "SWEEP=(0, 0.5)"], 2, 1, r"9 layers in 7 stages for tiny, \d+ kB"),
    "where_the_cycles_go": (["IMAGES=1"], 5, 3, r"cycles for 1 image"),
    "against_the_cpu": (["IMAGES=2", "REPEATS=20"], 1, 1, r"100\.0% of 2 answers agree; 100\.0%"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all notebooks run: the file that one of them compiles stays for a later run."""
    return tmp_path_factory.mktemp("notebooks")


def run(name: str, folder: Path, settings: list[str], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a notebook showed (see run_notebook.py)."""
    pytest.importorskip("pynq")
    pytest.importorskip("IPython")
    result = folder / f"{name}.json"
    command = [sys.executable, str(HERE / "run_notebook.py"), str(NOTEBOOKS[name]), str(result), SIMULATED, *settings]
    command += [f"--without={module}" for module in without]
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": paths, "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(result.read_text())
    return found


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_runs_on_the_simulated_board(name: str, folder: Path) -> None:
    for package in ("matplotlib",) if name == "first_steps" else ("onnx", "onnxruntime", "matplotlib"):
        pytest.importorskip(package)
    settings, pictures, tables, says = RUNS[name]
    found = run(name, folder, settings)
    assert found["error"] is None
    assert re.search(says, found["stdout"])
    drawn = [each["picture"] for each in found["shown"] if each["picture"]]
    assert (len(drawn), sum(each["table"] for each in found["shown"])) == (pictures, tables)
    fit_a_page(drawn)


@pytest.mark.parametrize("network", ["digits_residual", "digits_separable", "digits_float.phantom"])
def test_shows_where_the_cycles_of_other_networks_go(network: str, folder: Path) -> None:
    """Models with additions, poolings and joined stages, which take real values; and what the other notebook has compiled."""
    for package in ("onnx", "onnxruntime", "matplotlib"):
        pytest.importorskip(package)
    if network.endswith(".phantom") and not (folder / network).exists():
        pytest.skip("the notebook that compiles it was not run")
    found = run("where_the_cycles_go", folder, ["IMAGES=1", f'NETWORK="{network}"'])
    assert found["error"] is None
    drawn = [each["picture"] for each in found["shown"] if each["picture"]]
    assert len(drawn) == 5
    fit_a_page(drawn)
    said = "\n".join(each["text"] for each in found["shown"])
    assert f"{network.removesuffix('.phantom')} on tiny" in said or "quantised on tiny" in said
    assert "main_graph" not in said and "lam_starved" not in said


def fit_a_page(drawn: list[Any]) -> None:
    """Pictures are sharp, no larger than a page, and say in words what they show."""
    for picture in drawn:
        shown = picture["shown"]["width"], picture["shown"]["height"]
        assert picture["pixels"] == pytest.approx([2 * pixels for pixels in shown], abs=2)
        assert shown[0] <= 960 and shown[1] <= 560
        alt = picture["shown"]["alt"]
        assert len(alt) > 10 and f'alt="{html.escape(alt)}"' in picture["html"]


@pytest.mark.parametrize(
    ("name", "undrawn", "shown", "printed"),
    [
        ("first_steps", 4, "useful, never idle", "equal to the reference bit by bit"),
        ("your_model", 1, "of 3 right", "part 1 is skipped"),
        ("against_the_cpu", 1, "median", "by numpy, since ONNX Runtime is not installed"),
    ],
)
def test_runs_with_what_a_board_has(name: str, undrawn: int, shown: str, printed: str, folder: Path) -> None:
    """PYNQ and numpy alone; of the user's own model only the compiled file, which the run before has left."""
    if name == "your_model" and not (folder / "digits_float.phantom").exists():
        pytest.skip("there is nothing to compile a model with")
    missing = tuple(m for m in NOT_ON_A_BOARD if m != "numba" or name != "first_steps")  # its self-test simulates cycles here
    found = run(name, folder, RUNS[name][0], missing)
    assert found["error"] is None
    said = " ".join(each["text"] for each in found["shown"])
    assert not any(each["picture"] for each in found["shown"])
    assert said.count("a plot needs matplotlib") == undrawn
    assert shown in said and printed in found["stdout"]


def test_says_what_is_missing_on_a_board(tmp_path: Path) -> None:
    found = run("your_model", tmp_path, [], NOT_ON_A_BOARD)
    assert "FileNotFoundError: digits_float.phantom is not here: run part 1 on a PC" in found["error"]


def schema_errors(notebook: dict[str, Any]) -> list[str]:
    """What breaks the format of notebooks, version 4.4, as far as it concerns cells that have not run."""
    found = []
    if set(notebook) != {"cells", "metadata", "nbformat", "nbformat_minor"}:
        found.append(f"keys {sorted(notebook)}")
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 4):
        found.append("not version 4.4")
    if set(notebook["metadata"]["kernelspec"]) != {"display_name", "language", "name"}:
        found.append("kernelspec")
    for number, cell in enumerate(notebook["cells"]):
        keys = {"cell_type", "metadata", "source"}
        if cell["cell_type"] == "code":
            keys |= {"execution_count", "outputs"}
        elif cell["cell_type"] != "markdown":
            found.append(f"cell {number} is {cell['cell_type']}")
        if set(cell) != keys:
            found.append(f"cell {number} has {sorted(cell)}")
        lines = cell["source"]
        if not lines or not all(line.endswith("\n") for line in lines[:-1]) or lines[-1].endswith("\n"):
            found.append(f"cell {number}: its lines")
        if cell.get("outputs") or cell.get("execution_count") is not None:
            found.append(f"cell {number} has been run: a notebook is committed without what it printed")
        if set(cell["metadata"]) - {"tags"}:
            found.append(f"cell {number} has metadata {sorted(cell['metadata'])}")
    return found


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_source_is_valid_and_stripped(name: str) -> None:
    notebook = json.loads(NOTEBOOKS[name].read_text())
    assert schema_errors(notebook) == []
    try:
        import nbformat
    except ImportError:
        pass
    else:
        nbformat.validate(nbformat.from_dict(notebook))


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_source_is_for_board_and_simulation(name: str) -> None:
    """One variable says where it runs, the board unless changed; and its Python is that of the board."""
    notebook = json.loads(NOTEBOOKS[name].read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    (parameters,) = (cell for cell in cells if cell["metadata"].get("tags"))
    assert parameters is cells[0] and parameters["metadata"]["tags"] == ["parameters"]
    assert parameters["source"][0].startswith('DEVICE = "board" ')
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert not re.search(r"(?m)^[%!]", source), "no magics: it must read as Python"
    assert problems(source, name) == []
    assert max(map(len, source.splitlines())) <= WIDEST


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda nb: nb["cells"][1].update(outputs=[{}]), "has been run"),
        (lambda nb: nb["cells"][1].update(execution_count=1), "has been run"),
        (lambda nb: nb["cells"][0].update(id="a"), "cell 0 has"),
        (lambda nb: nb["cells"][0]["source"].append(""), "its lines"),
        (lambda nb: nb.update(nbformat_minor=5), "not version 4.4"),
        (lambda nb: nb["cells"][1]["metadata"].update(collapsed=True), "metadata"),
    ],
)
def test_what_is_wrong_in_a_source_is_found(change: Any, says: str) -> None:
    notebook = json.loads(NOTEBOOKS["digits"].read_text())
    change(notebook)
    assert any(says in error for error in schema_errors(notebook))


def test_the_first_one_names_all_others() -> None:
    text = NOTEBOOKS["first_steps"].read_text()
    assert all(f"`{name}`" in text for name in NOTEBOOKS if name != "first_steps")
    assert set(RUNS) == set(NOTEBOOKS)


def test_the_filter_that_is_said_to_have_no_weights_has_none() -> None:
    assert "filter 1 is one of those without weights" in NOTEBOOKS["first_steps"].read_text()
    assert not load_network("digits").layers[1].weights[1].any()  # type: ignore[union-attr]


def test_the_control_block_says_what_it_is() -> None:
    pytest.importorskip("pynq")
    from phantom.pynq_control import PhantomControl
    from phantom_sim import board

    block = board("tiny").phantom_0
    assert type(block) is PhantomControl
    assert block.version[0] == 1
    config = load_config("tiny")
    assert block.parameters == {name: getattr(config, name) for name in PARAMETERS}
