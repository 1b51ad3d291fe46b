"""The wheel for the board: what is in it, and that it runs where there is nothing but numpy and yaml."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("numpy", "numpy.libs", "yaml", "_yaml")
# What PYNQ imports, and what prepares float models on a PC: these may ask for more.
WITH_MORE = {
    "phantom.pynq_control", "phantom.networks.train_digits", "phantom.float_model", "phantom.fold_batchnorm",
    "phantom.output_error", "phantom.qdq", "phantom.static_quantise",
}  # fmt: skip
IMPORT_ALL = """
import importlib, json, pkgutil, sys, phantom
names = [m.name for m in pkgutil.walk_packages(phantom.__path__, "phantom.")]
bad = {}
for name in sorted(set(names) - set(json.loads(sys.argv[1]))):
    try:
        importlib.import_module(name)
    except Exception as error:
        bad[name] = repr(error)
late = ("pynq", "onnx", "onnxruntime", "matplotlib", "phantom_sim")
print(json.dumps([len(names), bad, [m for m in sys.modules if m.partition(".")[0] in late]]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with a bitstream in the package."""
    source = tmp_path_factory.mktemp("wheel") / "source"
    for name in ("host", "sim", "hls", "overlay"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copyfile(ROOT / name, source / name)
    (source / "host" / "phantom" / "overlays" / "phantom.bit").write_bytes(b"bits")
    (source / "host" / "phantom" / "overlays" / "phantom.hwh").write_text("<EDKSYSTEM/>")
    return source


def build(source: Path, folder: Path) -> Path:
    """Its wheel, in `folder`, without network."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*command, "-w", str(folder), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("phantom-*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The first one that is built there."""
    return build(source, source.parent)


def environment(wheel: Path, folder: Path) -> Path:
    """A fresh environment with the wheel, numpy and yaml in it, and nothing else; its Python."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for name in NEEDED:
        spec = importlib.util.find_spec(name.partition(".")[0])
        assert spec is not None and spec.origin is not None
        found = Path(spec.origin).parent.parent / name
        if found.exists():
            (packages / name).symlink_to(found)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, "--no-index", str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def python(wheel: Path) -> Path:
    """That of an environment which all tests share."""
    return environment(wheel, wheel.parent / "venv")


def run(python: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it far from the sources, without their paths."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | variables
    command = [str(python), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=python.parent, env=environment)


def test_the_wheel_has_the_host_package_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= {
        "phantom/configs.yaml", "phantom/py.typed", "phantom/networks/digits.npz", "phantom/networks/digits_test.npz",
        "phantom/networks/digits_residual.onnx", "phantom/networks/digits_float.onnx",
        "phantom/driver.py", "phantom/onnx/importer.py", "phantom/overlays/phantom.bit", "phantom/overlays/phantom.hwh",
        "phantom/selftest/figures.json",
    }  # fmt: skip
    notebooks = {f"phantom/notebooks/{path.name}" for path in (ROOT / "host" / "phantom" / "notebooks").glob("*.ipynb")}
    assert len(notebooks) == 5 and names >= notebooks
    for package in (ROOT / "host" / "phantom", ROOT / "sim" / "phantom_sim"):
        for module in package.rglob("*.py"):
            assert str(module.relative_to(package.parent)) in names
    inside = zipfile.ZipFile(wheel).read("phantom/configs.yaml")
    assert inside == (ROOT / "overlay" / "configs.yaml").read_bytes()


def test_a_bitstream_that_was_removed_is_not_in_the_next_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    """Setuptools takes whatever lies in build/lib, and would find it there."""
    assert "phantom/overlays/phantom.bit" in zipfile.ZipFile(wheel).namelist()
    for name in ("phantom.bit", "phantom.hwh"):
        (source / "host" / "phantom" / "overlays" / name).unlink()
    left = set(zipfile.ZipFile(wheel).namelist()) - set(zipfile.ZipFile(build(source, tmp_path)).namelist())
    assert left == {"phantom/overlays/phantom.bit", "phantom/overlays/phantom.hwh"}


def test_every_module_can_be_imported_with_numpy_and_yaml_alone(python: Path) -> None:
    done = run(python, "-I", "-c", IMPORT_ALL, json.dumps(sorted(WITH_MORE)))
    assert done.returncode == 0, done.stderr
    count, bad, extra = json.loads(done.stdout)
    assert count > 40
    assert (bad, extra) == ({}, [])


def test_the_command_runs_the_network_that_comes_along(python: Path) -> None:
    phantom = python.parent / "phantom"
    done = run(phantom, "info")
    assert done.returncode == 0 and "pynq_z2" in done.stdout
    done = run(phantom, "--help")
    assert "selftest" in done.stdout and "evaluate" not in done.stdout, "the simulation cannot run here"
    done = run(phantom, "run", "digits", "--device", "reference", "--images", "20")
    assert done.returncode == 0, done.stderr
    assert "accuracy:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "digits", "--device", "board"), "device board needs PYNQ, which is part of a PYNQ board's image"),
        (
            ("run", "digits"),
            "device rtl needs pynq, systemrdl, peakrdl_regblock, peakrdl_cheader; `make setup` installs it, or pip",
        ),
        (("evaluate",), "evaluate needs the simulation; `make setup` installs it, or pip with the extras sim and model"),
        (("run", "digits_plain"), "onnx"),
    ],
)
def test_what_needs_more_says_what(python: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run(python.parent / "phantom", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("phantom: error: ") and len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_the_simulation_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """With the packages of the extra `sim`, and no checkout: all that the library is built from is inside.

    It takes a minute to build: that of this tree, which other tests use, stands in for it if its name says that it is the same.
    """
    pytest.importorskip("pynq")
    from phantom.config import load_config
    from phantom_sim.overlay import library_of

    built = library_of(load_config("tiny")).parent
    python = environment(wheel, tmp_path / "venv")
    (packages,) = (tmp_path / "venv").glob("lib/python3*/site-packages")
    ours = Path(numpy.__file__).parents[1]  # comes after the wheel's packages; what is installed there as editable is not seen
    (packages / "extra_sim.pth").write_text(f"{ours}\n")
    where = "import phantom_sim.places as p, phantom; print(phantom.__file__, p.HLS, p.BUILD, sep='\\n')"
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    module, hls, build_folder = map(Path, run(python, "-c", where, **cache).stdout.split())
    assert packages in module.parents and packages in hls.parents and tmp_path / "cache" in build_folder.parents
    shutil.copytree(built, build_folder / "sim" / built.name, ignore=shutil.ignore_patterns("obj", "lock"))
    done = run(python.parent / "phantom", "run", "digits", "--images", "1", **cache)
    assert done.returncode == 0 and "bit-exact: all 5 layers equal the reference" in done.stdout, done.stderr
    assert [path.name for path in (build_folder / "sim").iterdir()] == [built.name], "it is built from something else"


def test_pynq_finds_overlays_drivers_and_notebooks_by_their_entry_points(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (distribution,) = importlib.metadata.distributions(path=[str(tmp_path)])
    points = {point.group: point for point in distribution.entry_points if point.name == "phantom"}
    for group, module in (("overlays", "phantom.overlays"), ("lib", "phantom.pynq_control"), ("notebooks", "phantom.notebooks")):
        assert points[f"pynq.{group}"].value == module
        place = tmp_path / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__init__.py").exists()


@pytest.mark.skipif("BOARD_PYTHON" not in os.environ, reason="BOARD_PYTHON names no Python 3.10 with numpy 1.21")
def test_the_boards_own_versions(wheel: Path, tmp_path: Path) -> None:
    """As on the images v3.0.1 and v3.1: BOARD_PYTHON=/path/to/python3.10 with numpy 1.21 and yaml."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    python = os.environ["BOARD_PYTHON"]
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    version = "import numpy; assert sys.version_info[:2] == (3, 10) and numpy.__version__.startswith('1.21')\n"
    done = run(Path(python), "-I", "-c", script + version + IMPORT_ALL, json.dumps(sorted(WITH_MORE)))
    assert done.returncode == 0 and "{}" in done.stdout, done.stdout + done.stderr
    main = "from phantom.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run(Path(python), "-I", "-c", script + main, "run", "digits", "--device", "reference", "--images", "20")
    assert done.returncode == 0, done.stderr
