"""Hardware tests: one pytest file per module of ``hls/``, simulated with Verilator and cocotb (see ``bench.py``)."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("bench", "streams")
