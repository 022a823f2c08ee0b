#!/usr/bin/env bash
# The emergency stop: freeze holds for all or for an issuer, within a second and over restarts, with
# its reason in answers, log, metrics and readiness; thaw ends it; a file that cannot be read stops all.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
C=$W/ca
start_issuer || exit 1
"$B/tenmint-ca" init "$C" --no-log >/dev/null || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n  "https://other.example.com": {issuer-url: "https://other.example.com", client-id: sigstore, type: email}\n' \
    "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
printf 'reload-interval: 0s\n' >>"$C/tenmint-ca.yaml"
serve() { start_server --config "$C/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 || exit 1; }
cat >"$W/ask.py" <<'P'
# Prints the status of a good request's answer, whether it says when to ask again, and its text.
import base64, json, subprocess, sys, urllib.error, urllib.request
token = open(sys.argv[2]).read().strip()
claims = token.split('.')[1]
sub = json.loads(base64.urlsafe_b64decode(claims + '=' * (-len(claims) % 4)))['sub']
run = lambda *a, **k: subprocess.run(a, check=True, capture_output=True, **k).stdout
key = sys.argv[2] + '.key'
run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
proof = run('openssl', 'dgst', '-sha256', '-sign', key, input=sub.encode())
body = json.dumps({'credentials': {'oidcIdentityToken': token}, 'publicKeyRequest': {
    'publicKey': {'content': run('openssl', 'pkey', '-pubout', '-in', key).decode()},
    'proofOfPossession': base64.b64encode(proof).decode()}})
try:
    r = urllib.request.urlopen(urllib.request.Request(sys.argv[1] + '/api/v2/signingCert', body.encode(),
                                                      {'Content-Type': 'application/json'}), timeout=10)
except urllib.error.HTTPError as e:
    r = e
print(r.status, 'later' if r.headers['Retry-After'] else 'now', r.read().decode())
P
ask() { mint >"$W/token"; python3 "$W/ask.py" "$CA" "$W/token" >"$W/said" 2>&1; }
cert() { ask && grep -q '^200 ' "$W/said"; }
refuses() { ask && grep -qF -- "$1" "$W/said" && grep -q '^503 later ' "$W/said"; }
F=(--config "$C/tenmint-ca.yaml")
is_ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$METRICS/readyz")" = 200 ]; }
not_ready() { ! is_ready; }

serve
check "a certificate" 0 "$(cert; echo $?)"
says "no reason" 2 "--reason TEXT is needed" "$B/tenmint-ca" freeze "${F[@]}"
says "a reason of two lines" 2 "one line" "$B/tenmint-ca" freeze "${F[@]}" --reason $'a\nb'
says "an issuer that nobody knows" 1 "no issuer 'https://typo.example.com' is trusted" \
    "$B/tenmint-ca" freeze "${F[@]}" --issuer https://typo.example.com --reason x
says "no configuration" 3 "No such file" "$B/tenmint-ca" freeze --config "$W/none.yaml" --reason x
says "thaw of what is not stopped" 1 "not stopped" "$B/tenmint-ca" thaw "${F[@]}" --reason x

says "another issuer" 0 "stopped for https://other.example.com" \
    "$B/tenmint-ca" freeze "${F[@]}" --issuer https://other.example.com --reason 'not ours'
sleep 0.5
check "stops that one only" 0 "$(cert; echo $?)"
says "this issuer" 0 "" "$B/tenmint-ca" freeze "${F[@]}" --issuer "$ISSUER" --reason 'INC-17: runner taken over'
check "within a second: refused with the reason" 0 "$(wait_until refuses 'stopped for this issuer: INC-17: runner taken over'; echo $?)"
check "one issuer's stop leaves the server ready" 0 "$(is_ready; echo $?)"
check "metrics name the issuer" 1 "$(curl -s "$METRICS/metrics" | grep -cF "tenmint_issuance_stopped{issuer=\"$ISSUER\"} 1")"
check "it is in the log, once, with who" 1 "$(grep -c '"message":"issuance is stopped".*INC-17.*"by":"' "$W/ca.log")"
says "thaw without a name" 1 "only issuers are stopped" "$B/tenmint-ca" thaw "${F[@]}" --reason x
says "all" 0 "" "$B/tenmint-ca" freeze "${F[@]}" --reason 'everything: INC-18' --json
check "what is stopped, as JSON" 3 "$(grep -c '"reason"' "$W/said")"
says "thaw of one" 0 "issuance goes on for $ISSUER" "$B/tenmint-ca" thaw "${F[@]}" --issuer "$ISSUER" --reason done
check "all is still stopped" 0 "$(wait_until refuses 'issuance is stopped: everything: INC-18'; echo $?)"
check "all of it stopped: not ready" 0 "$(wait_until not_ready; echo $?)"
check "and the details say why" 1 "$(curl -s --max-time 5 "$METRICS/readyz/checks" | grep -c 'INC-18')"
says "check-config warns" 0 "warning: issuance is stopped: everything: INC-18" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"

kill -9 "$CA_PID"
wait "$CA_PID" 2>/dev/null
serve
check "it survives a restart" 0 "$(refuses 'issuance is stopped: everything: INC-18'; echo $?)"
says "thaw" 0 "issuance goes on" "$B/tenmint-ca" thaw "${F[@]}" --reason 'image replaced'
check "certificates again" 0 "$(wait_until cert; echo $?)"
check "and ready" 0 "$(wait_until is_ready; echo $?)"
says "the last thaw" 0 "" "$B/tenmint-ca" thaw "${F[@]}" --issuer https://other.example.com --reason done
check "then no file is left" no "$([ -e "$C/frozen.json" ] && echo yes || echo no)"
echo '{"stopped": [' >"$C/frozen.json"
check "a file that cannot be read stops all" 0 "$(wait_until refuses 'cannot be read'; echo $?)"
says "and is not written over" 1 "frozen.json" "$B/tenmint-ca" thaw "${F[@]}" --reason x
rm "$C/frozen.json"
check "without it they are issued" 0 "$(wait_until cert; echo $?)"

[ "$fails" = 0 ] || { tail -n 20 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
