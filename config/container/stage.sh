#!/bin/sh
# stage.sh PROGRAM DIR: DIR becomes the root of an image that runs PROGRAM and nothing else. Libraries are
# those that it is linked with, and those that it loads later: libcurl, where it fetches by it, the
# resolver's of glibc, and OpenSSL's.
set -eu
program=$1 dir=$2
mkdir -p "$dir/usr/bin" "$dir/usr/share/doc/$(basename "$program")" "$dir/etc/ssl/certs" "$dir/tmp"
chmod 1777 "$dir/tmp"
install -m 755 "$program" "$dir/usr/bin/$(basename "$program")"
also= # what it starts: tenmint-log's witness
if [ -e "$program-witness" ]; then
    mkdir -p "$dir/usr/libexec/tenmint"
    install -m 755 "$program-witness" "$dir/usr/libexec/tenmint/"
    also=$program-witness
fi
# "name => /path" and the loader's own "/path".
libraries() { ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'; }
later=$(find /lib /usr/lib -name 'libnss_dns.so.2' -o -name 'libnss_files.so.2' -o -name 'libresolv.so.2' | sort -u)
! grep -q 'libcurl\.so\.4' "$program" || later="$later $(find /usr/lib -name 'libcurl.so.4' | head -n 1)"
for first in "$program" $also $later; do
    for file in $first $(libraries "$first"); do
        case $file in "$program" | "$also") continue ;; esac
        mkdir -p "$dir$(dirname "$file")"
        cp -L "$file" "$dir$file"
    done
done
cp -L /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/"
printf 'tenmint:x:65532:65532::/nonexistent:/nonexistent\n' >"$dir/etc/passwd"
printf 'tenmint:x:65532:\n' >"$dir/etc/group"
printf 'hosts: files dns\n' >"$dir/etc/nsswitch.conf"
