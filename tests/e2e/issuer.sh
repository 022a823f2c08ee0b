#!/usr/bin/env bash
# `tenmint-ca issuer`: the list is read and edited as a person would, a token's certificate is told
# without a server, and a running server takes what was edited and says who was let in or shut out.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
fail() { echo "FAIL $*"; fails=$((fails + 1)); }
is() { if [ "$2" = "$3" ]; then echo "ok   $1"; else fail "$1: want '$2', got '$3'"; fi; }
issuer() { # WANT-CODE WORDS...: output in $W/out
    local want=$1
    shift
    "$B/tenmint-ca" issuer "$@" >"$W/out" 2>&1
    is "issuer $1 exits with $want" "$want" $?
}
says() { grep -qF -e "$1" "$W/out" && echo "ok   says: $1" || { fail "does not say '$1':"; cat "$W/out"; }; }
token() { mint "$@" >"$W/token"; }

start_issuer || exit 1
L=$W/issuers.yaml
cat >"$L" <<TEXT
# Who may sign here. Ask security before you change it.
oidc-issuers:
  # our CI
  "$ISSUER":
    issuer-url: "$ISSUER"
    client-id: sigstore # as cosign has it
    type: github-workflow

# the end
TEXT
chmod 640 "$L"
cp "$L" "$W/first"
printf '%s\n' 'listen: 127.0.0.1:0' 'metrics-listen: 127.0.0.1:0' 'ca: {backend: ephemeral}' \
    'issuers-file: issuers.yaml' 'reload-interval: 1s' >"$W/ca.yaml"

# ---- read ----
issuer 0 list "$W/ca.yaml"
says "$L: 1 issuer, sha256 $(sha256sum "$L" | cut -d' ' -f1)"
issuer 0 list "$L" --json
is "its JSON" "in force" "$(python3 -c 'import json,sys; print(json.load(sys.stdin)["issuers"][0]["state"])' <"$W/out")"
issuer 0 show "$L" "$ISSUER"
says "type github-workflow, audience 'sigstore'"
issuer 1 show "$L" https://nobody.example.com
issuer 3 list "$W/missing"
issuer 2 show "$L"
issuer 2 add "$L" https://x.example.com --allow nonsense
issuer 2 remove "$L" https://x.example.com --dry
says 'unknown option'

# ---- edit ----
issuer 0 add "$L" https://gitlab.example.com --type gitlab-pipeline --allow 'project_path=ours/**' --allow ref_type=branch \
    --not-after 2999-01-01 --lifetime 2m
says "lets in"
says "only if project_path is like 'ours/**' and ref_type is 'branch', until 2999-01-01T00:00:00Z"
says "warning: $L: line"
is "mode kept" 640 "$(stat -c %a "$L")"
issuer 0 add "$L" 'https://oidc.*.example.com/id/*' --type kubernetes --trial --dry-run
says 'nothing was written'
issuer 1 add "$L" https://gitlab.example.com --type email
says 'in the list already'
issuer 2 add "$L" https://new.example.com --type emial
says "--type: want email, spiffe"
issuer 1 add "$L" http://new.example.com?x --type email
issuer 0 disable "$L" "$ISSUER"
says 'shuts out'
issuer 1 disable "$L" "$ISSUER"
issuer 5 diff "$W/first" "$L"
says 'disabled'
issuer 5 diff "$W/first" "$L" --json
is "diff's JSON" "altered added" "$(python3 -c 'import json,sys; print(*[c["change"] for c in json.load(sys.stdin)["changes"]])' <"$W/out")"
issuer 0 enable "$L" "$ISSUER"
issuer 0 remove "$L" https://gitlab.example.com
is "comments are all there" "$(grep -c '#' "$W/first")" "$(grep -c '#' "$L")"
issuer 0 diff "$W/first" "$L"
says 'the same are let in'
issuer 1 remove "$L" "$ISSUER"
says 'would not load after that'
ln -s issuers.yaml "$W/link"
issuer 0 disable "$W/link" "$ISSUER"
is "a link stays a link" "issuers.yaml" "$(readlink "$W/link")"
issuer 0 enable "$W/link" "$ISSUER"
# two at once lose nothing
for i in 1 2 3 4 5 6; do "$B/tenmint-ca" issuer add "$L" "https://n$i.example.com" --type email >/dev/null 2>&1 & adds="${adds:-} $!"; done
for p in $adds; do wait "$p" || fail "an edit of six at once"; done
is "six edits at once" 7 "$("$B/tenmint-ca" issuer list "$L" --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["issuers"]))')"
for i in 1 2 3 4 5 6; do issuer 0 remove "$L" "https://n$i.example.com"; done
# a full disk leaves the old list
cp "$L" "$W/whole"
(ulimit -f 0; trap '' XFSZ; "$B/tenmint-ca" issuer disable "$L" "$ISSUER") >"$W/out" 2>&1
is "a full disk is told" 1 $?
cmp -s "$L" "$W/whole" && echo "ok   the old list stays" || fail "the list is damaged"
is "nothing is left over" 0 "$(find "$W" -name '*.tmp-*' | wc -l)"

# ---- test ----
issuer 0 test "$L" "$ISSUER"
says "1 key would be trusted"
issuer 6 test "$L" http://127.0.0.1:9
says "127.0.0.1"
token
issuer 0 test "$L" --token "$W/token"
says 'subject alternative name  URI: https://github.com/acme/widget/'
says 'lifetime  600 s'
says '1.3.6.1.4.1.57264.1.12  Source Repository URI: https://github.com/acme/widget'
issuer 0 test "$W/ca.yaml" --token "$W/token" --json
is "its JSON" True "$(python3 -c 'import json,sys; print(json.load(sys.stdin)["would_issue"])' <"$W/out")"
token '{"aud":"other"}'
issuer 1 test "$L" --token "$W/token"
says "refused (audience): aud is 'other'"
token
"$B/tenmint-ca" issuer disable "$L" "$ISSUER" >/dev/null
issuer 1 test "$L" --token "$W/token"
says 'refused (issuer_disabled)'
"$B/tenmint-ca" issuer enable "$L" "$ISSUER" >/dev/null
sed -i 's|    type: github-workflow|&\n    allow:\n      - {claim: repository, is: someone/else}|' "$L"
issuer 1 test "$L" --token "$W/token"
says "refused (rules): the issuer's rules do not allow it: repository is 'someone/else'"
echo nonsense >"$W/token"
issuer 1 test "$L" --token "$W/token"
says 'refused (malformed)'
issuer 6 test "$L" --token "$W/none"
issuer 2 test "$L"
"$B/tenmint-ca" check-config "$L" --online >"$W/out" 2>&1
is "check-config --online" 0 $?
"$B/tenmint-ca" issuer add "$L" http://127.0.0.1:9 --type email >/dev/null 2>&1
"$B/tenmint-ca" check-config "$L" --online >"$W/out" 2>&1
says "issuer 'http://127.0.0.1:9' gives no keys"
cp "$W/first" "$L"

# ---- a running server ----
"$B/tenmint-ca" serve --config "$W/ca.yaml" --workers 1 >"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
"$B/tenmint-ca" issuer disable "$W/ca.yaml" "$ISSUER" >/dev/null
wait_for "$W/ca.log" '"message":"issuer altered by the reload".*"effect":"shuts out","detail":"disabled"' &&
    echo "ok   the server takes it" || fail "the server did not take the edit"

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
