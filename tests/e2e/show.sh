#!/usr/bin/env bash
# `tenmint show` says what a file is and what it says, for people and as JSON, and what it cannot read.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
: >"$W/said"
T=$B/tenmint
"$B/tenmint-ca" init "$W/ca" --all --url https://sigstore.example.com >"$W/said" || { cat "$W/said"; exit 1; }
targets=$W/ca/tuf/published/targets
json() { # NAME FILE PYTHON-EXPRESSION OVER o
    "$T" show "$2" --json >"$W/json" 2>"$W/said" && python3 -c "
import json, sys
o = json.load(open(sys.argv[1]))
assert $3, o" "$W/json" || { echo "FAIL $1: $(cat "$W/said" "$W/json")"; fails=$((fails + 1)); }
}
says "a chain" 0 "Serial" "$T" show "$W/ca/chain.pem"
json "as JSON" "$W/ca/chain.pem" 'len(o["serial"]) == 40 and o["not_after"].endswith("Z")'
says "a chain from a pipe" 0 "Serial" "$T" show <(cat "$W/ca/chain.pem")
says "and in base64" 0 "Serial" "$T" show <(base64 -w0 "$W/ca/chain.pem")
: >"$W/empty"
says "an empty file" 1 "'$W/empty'" "$T" show "$W/empty"
says "a checkpoint" 0 "Checkpoint of" "$T" show "$W/ca/log/checkpoint"
json "as JSON" "$W/ca/log/checkpoint" 'o["checkpoint_of"] == "sigstore.example.com/log" and o["size"] == 0 and len(o["signature_line"]) == 1'
root=$(ls "$targets"/*.trusted_root.json)
says "a trusted root" 0 "https://sigstore.example.com/log" "$T" show "$root"
json "as JSON" "$root" '[len(o[k]) for k in ("certificate_authority", "timestamp_authority", "ct_log", "transparency_log")] == [1, 1, 1, 1]'
config=$(ls "$targets"/*.signing_config.v0.2.json)
json "a signing configuration" "$config" 'o["transparency_log"][0]["api_version"] == 2 and o["ca"][0]["address"] == "https://sigstore.example.com"'
json "TUF metadata" "$W/ca/tuf/published/1.root.json" 'o["tuf_role"] == "root" and [r["name"] for r in o["role"]] == ["root", "timestamp", "snapshot", "targets"]'
json "of another role" "$W/ca/tuf/published/timestamp.json" 'o["tuf_role"] == "timestamp" and o["version"] == 1'
says "what a checkpoint does not take" 2 "for certificates" "$T" show "$W/ca/log/checkpoint" --log-key "$W/ca/log.pem"
says "what is none of these" 1 "it is no bundle" "$T" show "$W/ca/issuers.yaml"
says "what is not there" 6 "No such file" "$T" show "$W/none"
head -c 200 "$root" >"$W/cut"
says "cut off" 1 "" "$T" show "$W/cut"
printf '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","mediaType":"x"}' >"$W/twice"
says "a key twice" 1 "" "$T" show "$W/twice"
printf '{"application/vnd.dev.sigstore.bundle":1}' >"$W/odd"
says "an odd one" 1 "" "$T" show "$W/odd"
[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
