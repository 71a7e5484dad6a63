#!/bin/bash
# Runs interoperability tests: run.sh BINARY WORK_DIR FILE.mjs…; without files it installs the peers and
# prints which Node runs them.
# BINARY is `sovereign`. WORK_DIR keeps what is installed from npm, at the pinned versions, between runs.
# Exit 77 (skipped) when the peers cannot be had from npm; never 0 without having run.
set -euo pipefail

readonly kNode=22.23.3  # installed only where PATH has no Node 22: bifrost needs a global WebSocket
readonly kSkip=77

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || { echo "usage: run.sh BINARY WORK_DIR [FILE.mjs…]" >&2; exit 2; }
binary=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
shift 2

skip() {
  echo "SKIPPED: $*"
  exit $kSkip
}

is_new_enough() {
  local version
  version=$("$1" -p 'process.versions.node' 2>/dev/null) || return 1
  [ "${version%%.*}" -ge 22 ]
}

# npm by itself; what it says goes to a log that is shown when it fails. A network that is not there,
# or that answers under a certificate this machine does not trust, skips the test, anything else (a lock file that does not fit, a broken package) fails it.
run_npm() {
  local log=$work/npm.log
  npm "$@" >"$log" 2>&1 && return 0
  cat "$log"
  if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|CERT_|E403|E429|E50[0-9]|network' "$log"; then
    skip "npm cannot be reached (npm $1 failed, see above)"
  fi
  echo "npm $1 failed" >&2
  exit 1
}

install_node() {
  # The package that carries the binary itself: no install script has to run.
  local arch
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) skip "no Node >= 22 on PATH and none on npm for $(uname -m)" ;;
  esac
  node=$work/node/node_modules/node-linux-$arch/bin/node
  is_new_enough "$node" && return 0
  mkdir -p "$work/node"
  run_npm install --prefix "$work/node" --no-save --no-package-lock "node-linux-$arch@$kNode"
  is_new_enough "$node" || { echo "node-linux-$arch@$kNode does not run here" >&2; exit 1; }
}

install_peers() {
  local stamp=$work/.installed sum
  sum=$(cd "$here" && sha256sum package.json package-lock.json .npmrc)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && return 0
  rm -f "$stamp"
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work/"
  (cd "$work" && run_npm ci --ignore-scripts)
  echo "$sum" >"$stamp"
}

exec 9>"$work/.lock"
flock 9
command -v npm >/dev/null || skip "npm is not installed (Debian: apt-get install nodejs npm)"
node=$(command -v node || true)
is_new_enough "${node:-/nonexistent}" || install_node
install_peers
[ $# -gt 0 ] || { echo "$node"; exit 0; }
flock -u 9
exec 9>&-
# ES modules find packages in the folders above them, so each run has its own folder below the
# packages: two runs at a time do not pull files from under each other.
run=$(mktemp -d "$work/run.XXXXXX")
trap 'rm -rf "$run"' EXIT
cp -r "$here/support" "$run/support"
for file in "$@"; do cp "$here/$file" "$run/$file"; done

cd "$run"
# Peers leave sockets open (bifrost's close() throws), so the end of the tests ends the process.
SOVEREIGN=$binary "$node" --test --test-force-exit --test-reporter=spec "$@"
