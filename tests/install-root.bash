# A fresh Debian 12 for the tests of packages and images. Sourced.
debian_root() { # DIR: TENMINT_ROOT, copied, or made by debootstrap with this machine's mirror; prints DIR
    if [ -n "${TENMINT_ROOT:-}" ]; then
        cp -a "$TENMINT_ROOT" "$1" || return 1
    else
        command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null || return 1
        local mirror
        mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)*\([^ ]*\) .*/\2/p' \
            /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
        debootstrap --variant=minbase --include=ca-certificates,curl bookworm "$1" "$mirror" >"$1.log" 2>&1 ||
            { tail -n 5 "$1.log" >&2; return 1; }
        cp -a /etc/apt/. "$1/etc/apt/"
    fi
    cp /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null
    echo "$1"
}
