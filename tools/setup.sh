#!/bin/sh
# Sets up everything `make` needs in this checkout: a Python environment in .venv, the Python packages at the versions
# of constraints-cpu.txt, and a Chromium for screenshots. Safe to call again: it returns at once when nothing changed.
# With the argument "test" it also installs the programs that some tests compare with; those tests skip without them.
#
# Environment variables:
#   VLGYM_PYTHON       interpreter to build .venv with (default: the first Python 3.11 to 3.14 on PATH)
#   VLGYM_TORCH_INDEX  package index to take torch from, e.g. one of CPU-only builds (default: pip's own)
#   VLGYM_NO_SYSTEM=1  never install system packages, only name what is missing
set -eu
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Prints what to prefix a system-package command with, or fails where it could not be run without a question.
may_install() {
    [ "${VLGYM_NO_SYSTEM:-}" != 1 ] || return 1
    if [ "$(id -u)" = 0 ]; then echo env; elif have sudo && sudo -n true 2>/dev/null; then echo "sudo -n"; else return 1; fi
}

# apt_install PACKAGE...: true if all were installed.
apt_install() {
    have apt-get && root=$(may_install) || return 1
    if [ -z "${apt_lists_fresh:-}" ]; then
        $root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 || say "apt-get update failed; going on with the old lists."
        apt_lists_fresh=1
    fi
    # shellcheck disable=SC2086  # $root may be two words
    $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" \
        >/dev/null
}

usable_python() {
    have "$1" && "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

find_python() {
    for name in ${VLGYM_PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if usable_python "$name"; then command -v "$name"; return; fi
    done
    return 1
}

make_venv() {
    python=$(find_python) || {
        apt_install python3.12 python3.12-venv || apt_install python3.11 python3.11-venv || true
        python=$(find_python) || fail "Python 3.11 to 3.14 is needed and none was found; install one" \
            "(Debian/Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12) or set VLGYM_PYTHON."
    }
    # Debian splits ensurepip out of python3; without it a venv has no pip.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv" || apt_install python3-venv ||
            fail "$python cannot make virtual environments; install the package python$version-venv and run this again."
    fi
    say "making $venv with $("$python" --version 2>&1) ($python)"
    "$python" -m venv --clear "$venv"
}

install_packages() {
    pip="$venv/bin/python -m pip --disable-pip-version-check -q"
    say "installing Python packages into $venv; the first time takes a few minutes"
    # torch goes first and alone: a later requirement then finds the build chosen here instead of bringing another one.
    # shellcheck disable=SC2086  # $pip is a command line
    $pip install -c constraints-cpu.txt ${VLGYM_TORCH_INDEX:+--index-url "$VLGYM_TORCH_INDEX"} torch ||
        fail "torch could not be installed (see above); for a CPU-only build set VLGYM_TORCH_INDEX to an index that has one."
    # shellcheck disable=SC2086
    $pip install -c constraints-cpu.txt -e ".[dev]" || fail "the Python packages could not be installed (see above)."
}

# .venv and the editable install hold absolute paths, so a moved or copied checkout gets a new one.
place() { echo "$(pwd -P) ${VLGYM_PYTHON:-}"; }

recipe() { { echo "${VLGYM_TORCH_INDEX:-}"; cat pyproject.toml constraints-cpu.txt tools/setup.sh; } | cksum; }

holds() { [ "$(cat "$venv/$1" 2>/dev/null)" = "$2" ]; }

find_browser() {
    [ -n "${VLGYM_CHROMIUM:-}" ] && return
    for name in chromium-headless-shell chromium google-chrome; do
        if have "$name"; then return; fi
    done
    # The places only vlgym knows: Playwright's own Chromium, macOS applications.
    "$venv/bin/python" - <<'PY' 2>/dev/null
from playwright.sync_api import sync_playwright
from vlgym.core.browser import find_executable
with sync_playwright() as p:
    find_executable(p.chromium.executable_path)
PY
}

install_browser() {
    find_browser && return
    say "installing Chromium for screenshots"
    # Ubuntu's apt package "chromium" only starts the snap, which does not run in containers: Playwright's build there.
    if have apt-get && ! grep -qs '^ID=ubuntu' /etc/os-release; then
        apt_install chromium-headless-shell fonts-liberation fonts-dejavu-core libatomic1 || apt_install chromium fonts-liberation fonts-dejavu-core libatomic1 || true
    elif [ "${VLGYM_NO_SYSTEM:-}" != 1 ]; then
        "$venv/bin/python" -m playwright install chromium >&2 || true
        if [ "$(uname)" = Linux ] && root=$(may_install); then
            # shellcheck disable=SC2086
            $root "$PWD/$venv/bin/python" -m playwright install-deps chromium >&2 || true
        fi
    fi
}

# The references of the phone's tests: Android's shell and tools, and a reader of its screens.
install_references() {
    have mksh && have toybox && have tesseract && return
    say "installing mksh, toybox and tesseract for the phone's tests"
    apt_install mksh toybox tesseract-ocr || say "without mksh, toybox and tesseract the tests that need them are skipped."
}

if [ ! -x "$venv/bin/python" ] || ! holds .vlgym-place "$(place)"; then
    make_venv
    place >"$venv/.vlgym-place"
fi
if ! holds .vlgym-recipe "$(recipe)"; then
    install_packages
    install_browser
    recipe >"$venv/.vlgym-recipe"
fi
find_browser || say "no Chromium: image observations and browser tests are off; install the system package" \
    "chromium-headless-shell (or chromium), or run: $venv/bin/python -m playwright install --with-deps chromium"
[ "${1:-}" != test ] || install_references
