#!/usr/bin/env bash
# Who may know whom. The table says which rooms a room's files may include; nothing else is included,
# no .c file is, and no files use each other's functions in a circle: then each can be read, and
# tested, without those that come after it.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
bad=0
fault() { echo "FAULT $*"; bad=1; }
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT

# A room (its folder; folders that are one room stand together, with commas) and the rooms below it,
# each of which it includes. @NAME is a list that was named before, for programs: they use what they like.
cat >"$W/rooms" <<'TABLE'
common,common/json         :
common/ipc                 : common
common/fetch               : common common/ipc
common/http                : common common/ipc
common/key                 : common
common/kms                 : common common/key common/fetch common/ipc
common/sandbox             : common
common/process             : common common/ipc common/sandbox
common/transparency        : common
common/html                : common
@common                    : common common/kms common/html common/process common/fetch common/http common/ipc common/key common/sandbox common/transparency

oidc/token                 : common common/json
oidc/principal             : oidc/token common
oidc/trust                 : oidc/principal oidc/token common common/fetch
oidc/keys                  : oidc/trust oidc/token common common/fetch
oidc                       : oidc/token oidc/principal oidc/trust oidc/keys common
@oidc                      : oidc oidc/token oidc/principal oidc/trust oidc/keys

ca/log/engine              : common common/key common/transparency
ca/log/ct                  : ca/log/engine common common/http common/transparency
ca/log/signatures          : ca/log/engine ca/proof common common/http common/transparency
ca/log/witness             : common common/fetch common/transparency
ca/log/kept                : ca/log/engine ca/log/witness common common/key
ca/signer                  : common common/key
ca/cert                    : ca/signer oidc/principal common
ca/log/monitor             : ca/cert common common/fetch common/transparency
ca/pages                   : ca/log/monitor common common/html common/http common/ipc common/transparency
ca/proof                   : common
ca/tsa                     : ca/signer common common/http
ca/api                     : ca/audit ca/signer ca/cert ca/proof oidc oidc/token oidc/trust common common/http common/ipc common/transparency
ca/ct                      : ca/api ca/log/ct ca/log/kept common common/fetch common/ipc common/key common/transparency
ca/once                    : ca/api common common/fetch common/ipc
ca/audit                   : ca/log/kept ca/log/signatures common common/ipc
ca/config                  : ca/once ca/audit ca/api ca/ct ca/signer ca/log/engine oidc oidc/keys common common/fetch common/http

tuf/metadata               : common
tuf/client                 : tuf/metadata common common/fetch
tuf/verify/trust           : common common/fetch common/transparency
tuf/verify/bundle          : tuf/verify/trust common common/transparency
tuf/verify/library         : tuf/verify/bundle tuf/client common
tuf/manager/policy         : tuf/metadata common common/key
tuf/manager/state          : tuf/manager/policy tuf/metadata tuf/verify/trust common
tuf/manager/event          : tuf/manager/policy tuf/manager/state tuf/metadata common
tuf/manager/review         : tuf/manager/event tuf/manager/policy tuf/metadata tuf/verify/trust common
tuf/manager/draft          : tuf/manager/evidence tuf/manager/review tuf/manager/event tuf/manager/policy tuf/manager/state tuf/metadata common
tuf/manager/evidence       : tuf/manager/event tuf/manager/state tuf/metadata common
tuf/manager/publish        : tuf/manager/evidence tuf/manager/draft tuf/manager/review tuf/manager/event tuf/manager/policy tuf/manager/state tuf/client tuf/metadata common common/key common/kms
tuf/manager/report         : tuf/manager/publish tuf/manager/draft tuf/manager/review tuf/manager/event tuf/manager/policy tuf/manager/state tuf/client tuf/metadata common common/fetch
tuf/manager/takeover       : tuf/manager/review tuf/manager/report tuf/manager/publish tuf/manager/draft tuf/manager/evidence tuf/manager/policy tuf/manager/state tuf/client tuf/metadata common common/fetch
tuf/manager/pages          : tuf/manager/report tuf/manager/evidence tuf/manager/review tuf/manager/policy tuf/manager/state tuf/metadata tuf/verify/trust common common/html
tuf/manager/rehearse       : tuf/manager/publish tuf/manager/draft tuf/manager/policy tuf/manager/state tuf/client tuf/metadata common
tuf/manager/services       : common
@manager                   : tuf/manager/services tuf/manager/rehearse tuf/manager/pages tuf/manager/takeover tuf/manager/policy tuf/manager/state tuf/manager/event tuf/manager/review tuf/manager/draft tuf/manager/evidence tuf/manager/publish tuf/manager/report

tools/shared               : common
@ca                        : ca/once ca/audit ca/log/kept ca/log/engine ca/log/ct ca/log/signatures ca/log/witness ca/log/monitor ca/pages ca/signer ca/cert ca/proof ca/tsa ca/api ca/ct ca/config
@tuf                       : tuf/metadata tuf/client tuf/verify/trust tuf/verify/bundle @manager
tools/tenmint-log, tools/tenmint-log/witness : tools/shared ca/log/monitor ca/pages ca/log/witness @common
tools/tenmint-ca, tools/tenmint-ca/serve, tools/tenmint-ca/check, tools/tenmint-ca/audit, tools/tenmint-ca/issuer, tools/tenmint-ca/init, tools/tenmint-ca/rotate, tools/tenmint-ca/rehearse, tools/tenmint-ca/evidence : tuf/client tuf/metadata tools/shared tools/tenmint-log @ca @oidc @manager tuf/verify/trust @common
tools/tenmint-tuf          : tools/shared ca/log/monitor oidc/trust @tuf @common
tools/tenmint              : tools/shared ca/ct ca/signer @oidc tuf/client tuf/metadata tuf/verify/trust tuf/verify/bundle @common
TABLE

grep -rn --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include "' common oidc ca tuf tools |
    sed -E 's/^([^:]+):[0-9]+:[^"]*"([^"]+)".*/\1 \2/' >"$W/includes"
[ "$(wc -l <"$W/includes")" -gt 500 ] || fault "only $(wc -l <"$W/includes") includes were found"

while read -r from to; do
    fault "$from includes $to: a file of functions"
done < <(grep '\.c$' "$W/includes")

awk -v table="$W/rooms" '
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
BEGIN {
    while ((getline line < table) > 0) {
        if (line !~ /:/) continue
        split(line, half, ":")
        gsub(/[ \t]/, "", half[1])
        n = split(half[2], word, /[ \t]+/)
        list = ""
        for (i = 1; i <= n; i++) {
            if (word[i] ~ /^@/) list = list " " named[word[i]]
            else list = list " " word[i]
            if (word[i] ~ /^@/ && half[1] !~ /^(@|tools)/) print half[1] ": " word[i] " is for programs; name the rooms"
            if (word[i] ~ /^[^@]/ && half[1] !~ /^@/) stated[half[1] " " word[i]] = 1
        }
        if (half[1] ~ /^@/) { named[half[1]] = list; continue }
        m = split(half[1], part, ",")
        for (i = 1; i <= m; i++) room[part[i]] = part[1]
        allowed[part[1]] = list
    }
    for (r in allowed) {
        n = split(allowed[r], word, " ")
        for (i = 1; i <= n; i++) may[r, (word[i] in room) ? room[word[i]] : word[i]] = 1
    }
}
{
    a = folder($1); b = folder($2)
    if (!(a in room)) { print a " is no room of the table"; next }
    if (!(b in room)) { print $1 " includes " $2 ": of no room of the table"; next }
    if (room[a] != room[b] && !((room[a], room[b]) in may))
        print $1 " includes " $2 ": " room[b] " is not below " room[a]
    used[room[a], room[b]] = 1
}
END {
    for (s in stated) {
        split(s, row, /[ ,]/)
        if (!((row[1], room[substr(s, index(s, " ") + 1)]) in used)) print s ": nothing of the first includes the second"
    }
}' "$W/includes" | sort -u >"$W/up"
while read -r line; do fault "$line"; done <"$W/up"

# The README's tables name each room: its folder, or its last name in the row of the folder around it.
for room in $(sed -nE 's/^([a-z][^ :]*).*/\1/p' "$W/rooms" | tr ',' ' '); do
    grep '^| ' README.md | grep -qF "\`$room\`" || [[ $room == tools/tenmint* ]] ||
        grep -F "| \`$(dirname "$room")\` |" README.md | grep -qF "\`$(basename "$room")\`" ||
        fault "the README's table of rooms does not name $room"
done

# Circles: file A uses a function or table of file B, and B, by however many others, of A.
for part in "common oidc ca tuf tools/shared" tools/tenmint tools/tenmint-ca tools/tenmint-log tools/tenmint-tuf; do
    for o in $(find $(printf "$B/obj/%s " $part) -not -path "*/tenmint-log/witness/*" -name '*.o'); do
        source=${o#"$B/obj/"}
        [ -e "${source%.o}.c" ] && nm "$o" | awk -v f="${source%.o}.c" '
            NF == 3 && $2 ~ /^[TDBRV]$/ && $3 != "main" { print "D", $3, f }
            NF == 2 && $1 == "U" { print "U", $2, f }'
    done >"$W/symbols"
    awk '$1 == "D" { home[$2] = $3 } $1 == "U" { use[$2 " " $3] = 1 }
        END { for (k in use) { split(k, p, " "); if ((p[1] in home) && home[p[1]] != p[2]) print p[2], home[p[1]] } }' \
        "$W/symbols" | sort -u >"$W/uses"
    tsort "$W/uses" 2>&1 >/dev/null | sed -n 's/^tsort: \([^ ]*\.c\)$/\1/p'
done | sort -u >"$W/circles"
[ ! -s "$W/circles" ] || fault "these files use each other in a circle: $(tr '\n' ' ' <"$W/circles")"

# Auditors install no library of the server; `witness`, which serves, is a program of its own.
server=$(objdump -p "$B/tenmint-log" | grep NEEDED | grep -E 'microhttpd|nghttp2|gnutls|jwt|systemd|seccomp|sqlite|hiredis|libpq|protobuf')
[ -z "$server" ] || fault "tenmint-log needs the server's $server"

[ $bad = 0 ] && echo "includes: no room knows one above it, no circle of files"
exit $bad
