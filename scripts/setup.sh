#!/usr/bin/env bash
# Make everything ready to build, simulate and test: system packages, a Python environment in .venv, and this project in it.
#
# Run it as often as you like: it does nothing when .venv is there and was made from the present pyproject.toml, lock
# file and interpreter. It installs system packages only as root and only those that are missing; otherwise it says which
# command would, and stops. PYTHON=... chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

EXTRAS="${EXTRAS:-dev}"
VENV=.venv
STAMP="$VENV/.phantom"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Version 3.10 to 3.12: PYNQ needs numpy below 2, which has no wheels beyond 3.12.
usable() {
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' 2>/dev/null
}

find_python() {
  local candidate
  if [[ -n "${PYTHON:-}" ]]; then
    usable "$PYTHON" || die "PYTHON=$PYTHON is not a working Python 3.10, 3.11 or 3.12"
    echo "$PYTHON"
    return
  fi
  for candidate in python3.11 python3.12 python3.10 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[012].*/bin/python; do
    if command -v "$candidate" >/dev/null && usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# Debian packages for what is missing; everything else comes with the Python environment.
missing_packages() {
  local python="$1"
  command -v g++ >/dev/null || echo g++
  command -v make >/dev/null || echo make
  command -v perl >/dev/null || echo perl
  [[ -e /usr/include/zlib.h ]] || echo zlib1g-dev
  [[ -e /usr/include/lz4.h ]] || echo liblz4-dev
  if [[ -z "$python" ]]; then
    echo python3 python3-venv
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # A Debian Python keeps them in a package of its own, named after its version.
    echo "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  fi
}

install_packages() {
  local python packages
  python="$(find_python || true)"
  packages="$(missing_packages "$python" | xargs)"
  [[ -n "$packages" ]] || return 0
  if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    die "these system packages are missing; install them with:  sudo apt-get install -y $packages"
  fi
  say "installing $packages"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

# Tcl runs the tests of the build scripts for Vivado, which are skipped without it: nice to have, and nothing fails for it.
install_tcl() {
  if command -v tclsh >/dev/null || "$1" -c 'import _tkinter' 2>/dev/null; then return 0; fi
  if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    say "installing tcl"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tcl; } >/dev/null 2>&1 ||
      say "tcl could not be installed; tests of the Vivado scripts will be skipped"
  fi
}

fingerprint() {
  { cat pyproject.toml requirements.lock scripts/setup.sh; echo "$EXTRAS"; "$1" -c 'import sys; print(sys.version, sys.base_prefix)'; pwd; } |
    sha256sum | cut -d' ' -f1
}

# The quick way out: nothing changed since the last time.
if [[ -f "$STAMP" && -x "$VENV/bin/python" ]] && command -v g++ make perl >/dev/null; then
  [[ "$(cat "$STAMP")" == "$(fingerprint "$VENV/bin/python")" ]] && exit 0
fi

install_packages
python="$(find_python)" || die "no Python 3.10, 3.11 or 3.12 found; install one (Debian: apt-get install python3 python3-venv) or name it: PYTHON=..."
install_tcl "$python"
say "creating $VENV with $("$python" --version 2>&1)"
"$python" -m venv --clear "$VENV"
say "installing the pinned packages (about a minute)"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c requirements.lock "setuptools<=80" wheel
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[$EXTRAS]" ||
  die "the Python packages could not be installed; see the messages above"
fingerprint "$VENV/bin/python" >"$STAMP"
say "ready"
