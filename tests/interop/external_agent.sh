#!/bin/bash
# The backends for agents of somebody else's against the real program, which thinks at our model server:
# external_agent.sh codex|opencode ORCHESTRATION_TESTS WORK_DIR. Their packages take 420 and 190 MB, so they
# are installed only where SOVEREIGN_INTEROP_AGENTS is set. Exit 77 (skipped) otherwise, or when npm cannot be
# reached; never 0 without having run.
set -euo pipefail

readonly kSkip=77

skip() {
  echo "SKIPPED: $*"
  exit $kSkip
}

[ $# -eq 3 ] || { echo "usage: external_agent.sh codex|opencode ORCHESTRATION_TESTS WORK_DIR" >&2; exit 2; }
agent=$1
case "$agent-$(uname -m)" in
  codex-*) package=@openai/codex@0.171.0 filter='Codex.TheRealOne*' variable=SOVEREIGN_TEST_CODEX ;;
  opencode-x86_64) package=opencode-linux-x64@1.18.33 filter='RealOpenCode.*' variable=SOVEREIGN_TEST_OPENCODE ;;
  opencode-aarch64) package=opencode-linux-arm64@1.18.33 filter='RealOpenCode.*' variable=SOVEREIGN_TEST_OPENCODE ;;
  *) echo "no $agent for $(uname -m)" >&2; exit 2 ;;
esac
[ -n "${SOVEREIGN_INTEROP_AGENTS:-}" ] || skip "$package is large; set SOVEREIGN_INTEROP_AGENTS=1 to install it"
command -v npm >/dev/null || skip "npm is not installed (Debian: apt-get install nodejs npm)"
mkdir -p "$3/$agent"
work=$(realpath "$3/$agent")
program() { find "$work/node_modules" -path "*/bin/$agent" -type f -perm -u+x 2>/dev/null | grep -v '/\.bin/' | head -1; }
if [ -z "$(program)" ]; then
  # No install script runs: the platform's package carries the binary itself.
  npm install --prefix "$work" --no-save --no-package-lock --ignore-scripts "$package" \
    >"$work/npm.log" 2>&1 || { cat "$work/npm.log"; skip "npm cannot install $package (see above)"; }
fi
[ -n "$(program)" ] || { echo "the package holds no $agent for this machine" >&2; exit 1; }
env "$variable=$(program)" "$2" --gtest_filter="$filter"
