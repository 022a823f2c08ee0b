# A Debian 12 root in which packages are installed and the service runs as its unit runs it. Sourced by
# packages.sh and upgrade.sh, from the repository's root.
#   W, R     a scratch folder, and the root in it; both go away at the end
#   fails    how many checks failed
[ "$(id -u)" = 0 ] || { echo "package-test: needs root, for chroot"; exit 1; }
W=$(mktemp -d)
R=$W/root
fails=0 service=
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; tail -n 5 "$W/said"; fi; }
finish() {
    [ -z "$service$issuer" ] || kill $service $issuer 2>/dev/null
    umount "$R/proc" 2>/dev/null
    rm -rf --one-file-system "$W"
}
issuer=
trap finish EXIT
inside() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }

. tests/install-root.bash
debian_root "$R" >"$W/said" || exit 1
echo 'APT::Get::Assume-Yes "true";' >"$R/etc/apt/apt.conf.d/90yes" # the guide is for a person
mount -t proc proc "$R/proc" || exit 1
inside apt-get update -qq >"$W/said" 2>&1 || { tail -n 3 "$W/said"; exit 1; }

# What systemd would do: the unit's user, in its folder, with the socket's readiness.
serve() {
    : >"$R/root/log"
    chroot --userspec=tenmint-ca:tenmint-ca "$R" env -i PATH=/usr/bin \
        /usr/bin/tenmint-ca serve --config /etc/tenmint-ca/tenmint-ca.yaml >"$R/root/log" 2>&1 &
    service=$!
    for _ in $(seq 200); do
        ! grep -q '"message":"listening"' "$R/root/log" || return 0
        kill -0 "$service" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
stop() { kill "$service"; wait "$service"; expect "it stops in order" 0 $?; service=; }

# The first literal block below a heading: a line each, those that end in a backslash joined.
guide_lines() { # tenmint-operating.7 HEADING
    sed -n "/^\.S[hs] $2/,/^\.Ed/p" "$1" | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' |
        sed 's/\\e$/\\/' | sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}'
}
# The first block below a heading of README.md, as root types it.
readme_lines() { # HEADING
    awk -v h="## $1" '$0 == h { on = 1 } on && /^    / { print; seen = 1; next } seen { exit }' README.md |
        sed 's/^ *//; s/ *#.*//; s/^sudo //; s/^sudoedit /test -w /'
}
type_guide() { # FILE of lines, at least LEAST: each is typed, and must succeed; the service runs at the end
    local cwd=/root line unit got
    expect "the guide has lines" 1 "$(($(wc -l <"$1") >= $2))"
    while IFS= read -r line; do
        case $line in
        cd\ *) cwd=${line#cd } ;;
        systemctl\ *)
            for unit in ${line#systemctl enable --now }; do
                [[ $unit = *.* ]] || unit=$unit.service
                expect "$unit is installed" 1 "$(ls "$R/lib/systemd/system/$unit" 2>/dev/null | wc -l)"
            done
            serve && ok "the service starts as its user" || { bad "the service does not start"; tail -n 5 "$R/root/log"; } ;;
        curl\ *)
            got=1
            for _ in $(seq 50); do inside sh -c "$line" >"$W/said" 2>&1 && got=0 && break; sleep 0.3; done
            expect "$line" 0 $got ;;
        *)
            inside sh -c "cd $cwd && $line" >"$W/said" 2>&1
            expect "$line" 0 $? ;;
        esac
    done <"$1"
}
