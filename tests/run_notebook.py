"""Run a notebook cell by cell in IPython, as Jupyter does, in a process of its own, and say what it showed.

    run_notebook.py NOTEBOOK.ipynb RESULT.json [--without MODULE ...] [NAME=VALUE ...]

NAME=VALUE takes the place of an assignment in the cell tagged `parameters`. Modules named by --without cannot be imported. The
result: `error` (None, or what ended it), `stdout`, and `shown`: for each thing displayed, its text and its picture.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import re
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

PNG = b"\x89PNG\r\n\x1a\n"


def cells_of(path: Path, settings: dict[str, str]) -> list[str]:
    """Sources of the code cells, with other parameters."""
    sources = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", ()):
            for name, value in settings.items():
                source, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", source)
                assert count == 1, f"{path.name} assigns {name} {count} times among its parameters"
        if cell["cell_type"] == "code":
            sources.append(source)
    return sources


def describe(data: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """What was displayed: its text, whether it is a table, and the pixels of a picture beside those that it is shown with."""
    page = data.get("text/html", "")
    found = {"text": data.get("text/plain", ""), "table": "<table>" in page, "picture": None}
    if "image/png" in data:
        png = base64.b64decode(data["image/png"])
        assert png[:8] == PNG
        found["picture"] = {"pixels": struct.unpack(">II", png[16:24]), "shown": metadata.get("image/png"), "html": page}
    return found


def run(sources: list[str]) -> dict[str, Any]:
    """All cells, or as many as go without an error."""
    options = Config()
    options.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=options)
    shell.display_pub = CapturingDisplayPublisher()
    shell.displayhook.write_output_prompt = shell.displayhook.write_format_data = lambda *_: None
    shown: list[dict[str, Any]] = []
    printed = io.StringIO()
    error = None
    for number, source in enumerate(sources):
        with contextlib.redirect_stdout(printed):
            result = shell.run_cell(source)
        for output in shell.display_pub.outputs:
            if "application/javascript" not in output["data"]:  # PYNQ's own, for its widgets
                shown.append(describe(output["data"], output["metadata"]))
        shell.display_pub.outputs.clear()
        if result.result is not None:
            shown.append(describe(*shell.display_formatter.format(result.result)))
        if not result.success:
            failed = result.error_before_exec or result.error_in_exec
            error = f"code cell {number}: {type(failed).__name__}: {failed}"
            break
    return {"error": error, "stdout": printed.getvalue(), "shown": shown}


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("notebook", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--without", action="append", default=[])
    options = parser.parse_args()
    sys.modules.update(dict.fromkeys(options.without))  # None: an import of it fails, and nobody finds it
    warnings.simplefilter("ignore")
    import phantom.pynq_control  # noqa: F401  (as PYNQ does it by the package's entry point)

    settings = dict(setting.split("=", 1) for setting in options.settings)
    options.result.write_text(json.dumps(run(cells_of(options.notebook, settings))))


if __name__ == "__main__":
    main()
