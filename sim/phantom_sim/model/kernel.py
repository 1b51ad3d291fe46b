"""How the blocks of the model are compiled.

A block's state is a record (an element of a structured array), whose fields are the registers of the RTL; a *kernel* is a
function that moves it on by one cycle. Kernels call kernels, and numba makes one piece of machine code of all that
`machine.run` calls.

That code is kept on disk. numba would look only at the file of the outermost function to see whether it is still right, so
the directory is named after the contents of all files with kernels or records: a change in any of them makes a new one.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from phantom.errors import ConfigError
from phantom_sim import places

HERE = Path(__file__).resolve().parent
KEPT = places.BUILD / "model"


def _numba() -> Any:
    """The compiler. Raises ConfigError when it is not installed."""
    try:
        import numba
    except ImportError:
        raise ConfigError("the model needs numba, which is not installed; `make setup` brings it") from None
    return numba


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that others of the model call."""
    numba = _numba()
    return numba.njit(error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def kept_kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and keep the result on disk."""
    numba = _numba()
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(KEPT / digest())
    try:
        return numba.njit(error_model="numpy", cache=True, _nrt=False)(function)
    finally:
        numba.config.CACHE_DIR = before


def digest() -> str:
    """Twelve hexadecimal digits of all that the compiled code depends on."""
    result = hashlib.sha256(f"{_numba().__version__} {np.__version__}".encode())
    for path in sorted(HERE.glob("*.py")):
        text = path.read_text()
        if path.name == Path(__file__).name or "from .kernel import" in text:
            # Parsed, so that comments do not matter.
            result.update(f"{path.name} {ast.dump(ast.parse(text))}".encode())
    return result.hexdigest()[:12]


def registers(*fields: tuple[str, int] | str, bits: int = 32) -> np.dtype:
    """A record of integers of `bits` bits; a field with a number is that many of them."""
    kind = np.dtype(f"i{bits // 8}")
    return np.dtype([(f, kind) if isinstance(f, str) else (f[0], kind, (f[1],)) for f in fields])
