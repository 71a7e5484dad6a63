# Sourced by tools/quickstart and tools/test: the Debian packages the project builds and runs with.

SOVEREIGN_PACKAGES="clang-19 lld-19 libclang-rt-19-dev cmake ninja-build pkg-config python3
  libwebsockets-dev libsecp256k1-dev libssl-dev libsodium-dev libutf8proc-dev libsimdjson-dev nlohmann-json3-dev
  libsqlite3-dev libboost1.81-dev libcurl4-openssl-dev libcli11-dev libspdlog-dev libfmt-dev
  libre2-dev libabsl-dev tzdata libtomlplusplus-dev libseccomp-dev libqrencode-dev bubblewrap
  poppler-utils git"
SOVEREIGN_TEST_PACKAGES="libgtest-dev libbenchmark-dev librapidcheck-dev valgrind dpkg-dev file chromium"

# Installs whatever of "$@" is missing: as root, through sudo, or by saying what to run.
ensure_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "installing:$missing" >&2
  if [ "$(id -u)" = 0 ]; then sudo=""; elif command -v sudo >/dev/null 2>&1; then sudo="sudo"; else
    echo "error: these packages are missing:$missing" >&2
    echo "hint: as root: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    return 1
  fi
  $sudo apt-get update -qq >&2 &&
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >&2
}
