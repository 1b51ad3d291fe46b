"""What is said while a tool runs: its stages and its log come as it prints them, not at its end."""

from __future__ import annotations

import re
from pathlib import Path

import fake_tools
import pytest

import progress

# Goes on when the test has seen what it said.
PATIENT = """
import time
print("Phase 1", flush=True)
end = time.monotonic() + 20
while not Path("seen").exists():
    if time.monotonic() > end:
        sys.exit(4)
    time.sleep(0.01)
print("done")
"""


def test_a_stage_is_shown_and_in_the_log_while_the_tool_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, stages = tmp_path / "log", []

    def stage(text: str) -> None:
        stages.append(text)
        if text == "1":
            assert log.read_text() == "Phase 1\n"
            (tmp_path / "seen").touch()

    monkeypatch.setattr(progress, "stage", stage)
    tool = fake_tools.program(tmp_path, "tool", PATIENT)
    assert progress.run([str(tool)], log, re.compile(r"^Phase (\d)"), cwd=tmp_path) == "Phase 1\ndone"
    assert stages == [f"tool; its log is {log}", "1"]


def test_time_is_that_since_the_beginning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BEGAN", 100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0 + 75 * 60 + 9.9)
    progress.stage("route_design")
    assert capsys.readouterr().out == " 75:09  route_design\n"
