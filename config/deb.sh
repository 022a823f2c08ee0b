#!/bin/sh
# make deb: a copy of the tree with config/debian as its debian/, and the packages built from it into
# OUT. The dates in them are the changelog's, the paths are mapped: two builds give the same bytes.
set -eu
cd "$(dirname "$0")/.."
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out/tree"
mkdir "$out/tree"
git ls-files -z | tar --null -T - -c | tar -x -C "$out/tree"
mv "$out/tree/config/debian" "$out/tree/debian"
cp config/tenmint-ca.sysusers "$out/tree/debian/tenmint-ca.sysusers"
cp config/tenmint-tuf.sysusers "$out/tree/debian/tenmint-tuf.sysusers"
cd "$out/tree"
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS CPPFLAGS LDFLAGS
DEB_BUILD_OPTIONS="nocheck parallel=$(nproc) ${DEB_BUILD_OPTIONS:-noautodbgsym}" dpkg-buildpackage -b -us -uc
rm -rf "$out/tree"
