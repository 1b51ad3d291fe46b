"""Run the Verilator of this Python environment with the arguments given (its own command-line shim may run another one)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / package) for package in ("host", "sim")]

from phantom_sim.verilate import verilator

if __name__ == "__main__":
    path, environment = verilator()
    os.execve(path, [path, *sys.argv[1:]], environment)
