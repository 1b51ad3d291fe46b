"""Programs that stand for those which are not here: each is a small script in a folder that a test puts on PATH."""

from __future__ import annotations

import sys
from pathlib import Path


def program(folder: Path, name: str, body: str) -> Path:
    """Write a Python program called `name`; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, subprocess, sys\nfrom pathlib import Path\n{body}")
    path.chmod(0o755)
    return path


def vivado(folder: Path, version: str, interpreter: list[str]) -> Path:
    """A Vivado of a version that records what its batch mode is told."""
    recorder = Path(__file__).with_name("vivado_recorder.tcl")
    return program(
        folder,
        "vivado",
        f'if "-version" in sys.argv:\n    print("Vivado v{version} (64-bit)\\nSW Build 1 on today")\n    sys.exit()\n'
        'assert sys.argv[1:3] == ["-mode", "batch"], sys.argv\n'
        'script, arguments = sys.argv[sys.argv.index("-source") + 1], sys.argv[sys.argv.index("-tclargs") + 1 :]\n'
        f'sys.exit(subprocess.run([*{interpreter!r}, "{recorder}", script, *arguments]).returncode)\n',
    )
