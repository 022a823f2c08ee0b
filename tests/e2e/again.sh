#!/usr/bin/env bash
# Every client command asks again what passes by itself: each one below works though every address
# that it asks fails twice before it answers: by 429, 502, 503 or 504, for some with a Retry-After, which
# is waited for, and then by hanging up. What is final (400) is asked once.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
export XDG_STATE_HOME=$W/state
C=$W/ca

# Stands before the server. /@N/PATH is PATH, counted for N alone. fails/N says how, as 503 or 429/1 with
# a Retry-After of one second, and which paths: that is their first answer, the second is to hang up,
# then the server answers; 400 is every answer. asked.N has each path with the time.
cat >"$W/proxy.py" <<'PYTHON'
import collections, http.client, http.server, json, sys, time
behind, folder = int(sys.argv[1]), sys.argv[2]
seen = collections.Counter()
class Proxy(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def pass_on(self, path, body):
        if path.startswith('/token'):
            with open(folder + '/token') as token:
                return 200, 'application/json', json.dumps({'value': token.read().strip()}).encode()
        c = http.client.HTTPConnection('127.0.0.1', behind, timeout=30)
        c.request(self.command, path, body, {k: v for k, v in self.headers.items() if k in ('Content-Type', 'Accept')})
        r = c.getresponse()
        return r.status, r.getheader('Content-Type', ''), r.read()
    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        who, path = '0', self.path
        if path.startswith('/@'):
            who, path = path[2:].split('/', 1)
            path = '/' + path
        bare = path.split('?')[0]
        with open(folder + '/fails/' + who) as f: how, *fails = f.read().split()
        code, _, after = how.partition('/')
        seen[who, bare] += 1
        with open(folder + '/asked.' + who, 'a') as asked: asked.write('%s %.3f\n' % (bare, time.monotonic()))
        if bare not in fails: how = None
        elif code != '400' and seen[who, bare] == 2:
            self.close_connection = True
            return
        elif code != '400' and seen[who, bare] > 2: how = None
        status, kind, data = (int(code), 'text/plain', b'') if how else self.pass_on(path, body)
        self.send_response(status)
        if how and after: self.send_header('Retry-After', after)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_GET = do_POST = answer
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[3])), Proxy)
print('http://127.0.0.1:%d' % server.server_port, flush=True)
server.serve_forever()
PYTHON

start_issuer || exit 1
BEHIND=$(free_port)
FRONT=$(free_port)
URL=http://127.0.0.1:$FRONT
says "init --all" 0 "" "$B/tenmint-ca" init "$C" --all --url "$URL"
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" --listen "127.0.0.1:$BEHIND" >"$W/ca.log" 2>&1 &
PIDS="${PIDS:-} $!"
wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
mkdir "$W/fails"
echo 503 >"$W/fails/0" # nothing
python3 "$W/proxy.py" "$BEHIND" "$W" "$FRONT" >"$W/proxy.out" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/proxy.out" "http://" || exit 1
sleep 1 # the windows begin in whole seconds
echo "what was built" >"$W/app"
log=(--key "$C/log.pem")
sig=(--key "$C/siglog.pem")
root="--root $C/tuf/published/1.root.json --metadata-url"
export ACTIONS_ID_TOKEN_REQUEST_URL=$URL/token?x=1 ACTIONS_ID_TOKEN_REQUEST_TOKEN=runner
mint >"$W/token"
says "trust init" 0 "" "$B/tenmint" trust init $root "$URL/tuf" --dir "$W/trust"
says "sign" 0 "" "$B/tenmint" sign --trust-dir "$W/trust" "$W/app"

# COMMAND|what is asked again; NUM is the command's number. What `sign` asks is named by signed metadata,
# so that it has no number of its own.
stamp=/tuf/timestamp.json
cat >"$W/table" <<TABLE
tenmint sign --trust-dir $W/trust --force $W/app|/token /api/v2/signingCert /api/v2/log/entries /api/v1/timestamp
tenmint cert --ca $URL/@NUM --token-file $W/token --out $W/NUM.cert|/api/v2/signingCert
tenmint trust refresh $root $URL/@NUM/tuf --dir $W/NUM.trust|$stamp
tenmint trust get trusted_root.json $root $URL/@NUM/tuf --dir $W/NUM.trust --out $W/NUM.out|$stamp
tenmint trust export --form pem $root $URL/@NUM/tuf --dir $W/NUM.trust --out $W/NUM.pem|$stamp
tenmint verify $root $URL/@NUM/tuf --dir $W/NUM.trust --bundle $W/app.sigstore.json --issuer $ISSUER --identity-regexp https://.+ $W/app|$stamp
tenmint-log status $URL/@NUM/log ${log[*]}|/log/checkpoint
tenmint-log verify $URL/@NUM/api/v2 ${sig[*]}|/api/v2/checkpoint
tenmint-log find $URL/@NUM/log ${log[*]} --repository acme/widget|/log/checkpoint
tenmint-log export $URL/@NUM/log ${log[*]}|/log/checkpoint
tenmint-log watch $URL/@NUM/log ${log[*]} --state $W/NUM.watch --once|/log/checkpoint
tenmint-log report $URL/@NUM/log ${log[*]} --html $W/NUM.html|/log/checkpoint
tenmint-tuf verify $URL/@NUM/tuf|$stamp
tenmint-tuf status $URL/@NUM/tuf|$stamp
tenmint-tuf init $W/NUM.taken --from $URL/@NUM/tuf|$stamp $(cd "$C/tuf/published" && printf '/tuf/%s ' targets/*.signing_config.v0.2.json)
TABLE

# Every command of the table, side by side: each is two seconds of pauses. Its number is FROM and up.
try_all() { # FROM HOW...: of the first, the second, and so on, round and round
    local n=$1 pids="" command again hows=("${@:2}")
    while IFS='|' read -r command again; do
        echo "${hows[$((n % ${#hows[@]}))]} $again" >"$W/fails/$n"
        (set -f; timeout 60 "$B/"${command//NUM/$n} >"$W/said.$n" 2>&1 </dev/null; echo $? >"$W/code.$n") &
        pids="$pids $!"
        n=$((n + 1))
    done <"$W/table"
    wait $pids
}
asked() { awk -v path="$2" '$1 == path' "$W/asked.$1" | wc -l; } # NUMBER PATH: how often
waited() { awk -v path="$2" '$1 == path { n++; if (n == 1) first = $2; if (n == 2) print ($2 - first >= 1) }' "$W/asked.$1"; }

try_all 0 503 429 502 504 429/1 503/1
n=0
while IFS='|' read -r command again; do
    cp "$W/said.$n" "$W/said"
    how=$(cut -d' ' -f1 "$W/fails/$n")
    name=$(cut -d' ' -f1-3 <<<"${command%% [-/]*}")
    name=${name%% http*}
    check "$name, after $how" 0 "$(cat "$W/code.$n")"
    ! grep -qE 'HTTP status|Empty reply|tried' "$W/said" || check "$name says nothing of it" "" "$(cat "$W/said")"
    for address in $again; do
        [ "$(asked $n "$address")" -ge 3 ] || check "$name asks $address again" "3 times" "$(asked $n "$address")"
        [ "${how#*/}" = "$how" ] || check "$name waits as long as Retry-After says" 1 "$(waited $n "$address")"
    done
    n=$((n + 1))
done <"$W/table"
rows=$n
for how in 429 502 503 504 429/1 503/1; do
    [ "$(cat "$W"/fails/* | grep -c "^$how ")" -ge 2 ] || check "$how was tried" "by two commands" "not"
done

# What is final. `sign` has no number of its own, so that it asks as number 0 again.
rm "$W/asked.0"
echo "400 $(sed -n '1s/.*|//p' "$W/table")" >"$W/fails/0"
try_all 100 400
mv "$W/asked.0" "$W/asked.100"
n=100
while IFS='|' read -r command again; do
    cp "$W/said.$n" "$W/said"
    name=$(cut -d' ' -f1-3 <<<"${command%% [-/]*}")
    name=${name%% http*}
    [ "$(cat "$W/code.$n")" != 0 ] || check "$name, refused by 400" "a failure" 0
    check "$name asks once after 400" 1 "$(asked $n "${again%% *}")"
    n=$((n + 1))
done <"$W/table"
check "all were refused" "$rows" "$((n - 100))"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
