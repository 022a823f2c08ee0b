#!/usr/bin/env bash
# log rotate --activate puts a made log in service as what it is: another origin is refused, and so
# is an edit that a server would refuse; the configuration stays byte for byte.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
umask 077
C=$W/ca
says "init --all" 0 "" "$B/tenmint-ca" init "$C" --all --url http://127.0.0.1:5555
stays() { check "$1: the configuration stays" "" "$(cmp "$W/before.yaml" "$C/tenmint-ca.yaml" 2>&1)"; }

while read -r kind made one two; do
    at=("$B/tenmint-ca" log rotate "$C/tenmint-ca.yaml" 2027)
    [ "$kind" = ct ] || at+=(--signatures)
    cp "$C/tenmint-ca.yaml" "$W/before.yaml"
    says "$kind: made" 0 "" "${at[@]}" --origin "$one"
    says "$kind: another origin" 3 "made with the origin '$one', not '$two'" "${at[@]}" --origin "$two" --activate
    stays "$kind, another origin"
    mv "$C/$made.key" "$W/key"
    says "$kind: its key is away" 1 "stays as it is, as a server would refuse it after that" "${at[@]}" --activate
    stays "$kind, its key is away"
    mv "$W/key" "$C/$made.key"
    says "$kind: its own" 0 "" "${at[@]}" --origin "$one" --activate
    says "$kind: a server takes it" 0 "ok" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
done <<TEXT
ct log-2027 a.example.com/x b.example.com/x
signatures siglog-2027 a.example.com b.example.com
TEXT
[ $fails = 0 ]
