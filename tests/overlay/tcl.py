"""Run Tcl without Vivado: tclsh where there is one, else the interpreter inside Python's tkinter."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest

# Without Tk, tkinter's interpreter has no `exit`.
BY_TKINTER = """
import os, sys, tkinter
tcl = tkinter.Tcl()
tcl.createcommand("leave", lambda code: os._exit(int(code)))
tcl.eval("proc exit {{code 0}} {flush stdout; flush stderr; leave $code}")
tcl.setvar("argv", tuple(sys.argv[2:]))
tcl.call("source", sys.argv[1])
tcl.eval("exit")
"""


def interpreter() -> list[str]:
    """The beginning of a command that takes a script and its arguments. Skips the test when there is no Tcl at all."""
    tclsh = shutil.which("tclsh") or shutil.which("tclsh8.6")
    if tclsh:
        return [tclsh]
    if importlib.util.find_spec("_tkinter"):
        return [sys.executable, "-c", BY_TKINTER]
    pytest.skip("there is no Tcl here: neither tclsh (Debian package tcl) nor Python's tkinter")
