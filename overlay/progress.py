"""Tools of a build, and what is said while they run: each stage as it begins, with the minutes since the program started."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from build_plan import BuildError

BEGAN = time.monotonic()


def stage(text: str) -> None:
    """Say on standard output what begins."""
    seconds = int(time.monotonic() - BEGAN)
    print(f"{seconds // 60:3d}:{seconds % 60:02d}  {text}", flush=True)


def run(command: Sequence[str], log: Path, stages: re.Pattern[str] | None = None, cwd: Path | None = None) -> str:
    """Run a tool; its output, which is in the log as it comes.

    Args:
        command: the tool's path and its arguments.
        log: file that is written.
        stages: the first group of what it finds in a line is a stage of the tool.
        cwd: folder that it runs in; that of this program without.

    Raises:
        BuildError: it does not run, or it failed; the message has its errors.
    """
    name = Path(command[0]).name
    stage(f"{name}; its log is {log}")
    lines: list[str] = []
    try:
        with (
            open(log, "w", encoding="utf-8") as kept,
            subprocess.Popen(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, encoding="utf-8", errors="replace",
            ) as tool,
        ):  # fmt: skip
            assert tool.stdout is not None
            for line in tool.stdout:
                kept.write(line)
                kept.flush()
                lines.append(line.rstrip("\n"))
                if stages and (found := stages.search(line)):
                    stage(found[1])
    except OSError as error:
        raise BuildError(f"{command[0]} does not run: {error}") from None
    if tool.returncode:
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-10:]
        raise BuildError("\n".join([f"{name} failed with code {tool.returncode}; all of it is in {log}", *errors[:20]]))
    return "\n".join(lines)
