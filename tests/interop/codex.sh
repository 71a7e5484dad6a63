#!/bin/bash
# The codex backend against the real program, which thinks at our model server: codex.sh ORCHESTRATION_TESTS
# WORK_DIR. The package takes some 420 MB, so it is installed only where SOVEREIGN_INTEROP_CODEX is set.
# Exit 77 (skipped) otherwise, or when npm cannot be reached; never 0 without having run.
set -euo pipefail

readonly kVersion=0.171.0
readonly kSkip=77

skip() {
  echo "SKIPPED: $*"
  exit $kSkip
}

[ $# -eq 2 ] || { echo "usage: codex.sh ORCHESTRATION_TESTS WORK_DIR" >&2; exit 2; }
[ -n "${SOVEREIGN_INTEROP_CODEX:-}" ] || skip "@openai/codex takes 420 MB; set SOVEREIGN_INTEROP_CODEX=1 to install it"
command -v npm >/dev/null || skip "npm is not installed (Debian: apt-get install nodejs npm)"
mkdir -p "$2/codex"
work=$(realpath "$2/codex")
program() { find "$work/node_modules" -path '*/bin/codex' -type f -perm -u+x 2>/dev/null | grep -v '/\.bin/' | head -1; }
if [ -z "$(program)" ]; then
  # No install script runs: the platform's package carries the binary itself.
  npm install --prefix "$work" --no-save --no-package-lock --ignore-scripts "@openai/codex@$kVersion" \
    >"$work/npm.log" 2>&1 || { cat "$work/npm.log"; skip "npm cannot install @openai/codex@$kVersion (see above)"; }
fi
[ -n "$(program)" ] || { echo "the package holds no codex for this machine" >&2; exit 1; }
SOVEREIGN_TEST_CODEX=$(program) "$1" --gtest_filter='Codex.TheRealOne*'
