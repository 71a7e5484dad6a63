#!/bin/sh
# debian_package.sh BUILD WORK: makes the package of BUILD and checks what is in it.
set -eu
build=$1
work=$2/deb
rm -rf "$work"
mkdir -p "$work"
# Out of the way of a build that goes on: only what was built is installed.
(cd "$build" && cpack -G DEB -B "$work" >"$work/log" 2>&1) || { cat "$work/log"; exit 1; }
deb=$(ls "$work"/*.deb)

fail() { echo "FAILED: $*" >&2; exit 1; }
dpkg-deb -c "$deb" >"$work/list"
holds() { grep -q " \./$1\$" "$work/list" || fail "the package has no $1"; }
for file in usr/bin/sovereign usr/lib/systemd/system/sovereign-node.service \
  usr/lib/systemd/system/sovereign-cosigner.service usr/lib/sysusers.d/sovereign.conf \
  usr/share/man/man1/sovereign.1 usr/share/bash-completion/completions/sovereign; do
  holds "$file"
done
# Nothing of the machine it was built on, and nothing anybody else may write.
awk '{print $2}' "$work/list" | grep -v 'root/root' && fail "a file belongs to somebody else"
awk '{print $1}' "$work/list" | grep '^.....w\|^........w' && fail "a file may be written by others"

depends=$(dpkg-deb -f "$deb" Depends)
for needed in libcurl4 libsecp256k1 libwebsockets libsqlite3 libsodium; do
  case $depends in *"$needed"*) ;; *) fail "it does not depend on $needed: $depends" ;; esac
done

mkdir "$work/control" "$work/files"
dpkg-deb -e "$deb" "$work/control"
dpkg-deb -x "$deb" "$work/files"
for script in postinst prerm postrm; do
  [ -x "$work/control/$script" ] || fail "$script cannot be run"
  sh -n "$work/control/$script"
done
# Called for what is none of their business, they do nothing.
"$work/control/postinst" abort-upgrade
"$work/control/prerm" upgrade
"$work/files/usr/bin/sovereign" --version >/dev/null || fail "the program does not start"
# The units name the program where the package puts it.
for unit in node cosigner; do
  program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$work/files/usr/lib/systemd/system/sovereign-$unit.service")
  [ -x "$work/files$program" ] || fail "sovereign-$unit.service starts $program, which is not there"
done
echo "$(basename "$deb"): $(dpkg-deb -f "$deb" Installed-Size) KiB installed"
rm -rf "$work"
