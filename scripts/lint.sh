#!/usr/bin/env bash
# Every static check: the RTL with all of Verilator's warnings, the Python with ruff and mypy. All run; one failure fails it.
set -uo pipefail
cd "$(dirname "$0")/.."

PYTHON="${PYTHON:-.venv/bin/python}"
failed=0

check() {
  printf 'lint: %s\n' "$1"
  shift
  "$@" || failed=1
}

lint_rtl() {
  "$PYTHON" overlay/registers.py >/dev/null || return 1
  "$PYTHON" scripts/run_verilator.py --lint-only -Wall hls/lint.vlt overlay/registers.vlt -F hls/phantom.f --top-module "$@"
}

# The open flow's top, around empty modules for the primitives of the device.
lint_zynq() {
  local primitives
  primitives="$(PYTHONPATH=host "$PYTHON" overlay/xilinx_cells.py)" || return 1
  lint_rtl phantom_zynq hls/phantom_zynq.vlt -F hls/phantom_zynq.f "$primitives"
}

if grep -qs 'phantom_top.sv' hls/phantom.f; then
  check 'RTL (verilator -Wall)' lint_rtl phantom_top
  check 'RTL of the open flow (verilator -Wall)' lint_zynq
fi
check 'Python (ruff)' "$PYTHON" -m ruff check --quiet host sim tests overlay scripts
check 'Python types (mypy)' "$PYTHON" -m mypy --no-error-summary
exit "$failed"
