# A workspace with something to tell, in $W/tuf: two roots, a delegated role, an event that waits,
# names that would like to be markup. T is tenmint-tuf.
report_chain() { # SUBJECT DAYS FILE
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj "$1" \
        -addext keyUsage=critical,keyCertSign -days "$2" -out "$3" 2>/dev/null
}
report_sign() { # EVENT ROOT HOLDER...: each holder signs; ROOT "" for the first
    local event=$W/tuf/events/$1.json digest h
    local trusted=${2:+--trusted $W/tuf/published/$2.root.json}
    shift 2
    # shellcheck disable=SC2086 # two words
    digest=$("$T" review "$event" $trusted | sed -n 's/^Digest *//p')
    # shellcheck disable=SC2086
    for h; do "$T" sign "$event" --key "$W/$h.key" --digest "$digest" $trusted >/dev/null || return 1; done
}
report_issuers() { # NAME...: whom the list trusts
    { echo oidc-issuers:; printf '  "https://%s.example.com": {issuer-url: "https://%s.example.com", client-id: sigstore, type: email}\n' \
        $(printf '%s %s ' $(for n; do echo "$n $n"; done)); } >"$W/tuf/targets/issuers.yaml"
}
report_workspace() {
    local h
    export XDG_STATE_HOME=$W/state
    report_chain '/O=Example <img src=x onerror=x()>/CN=ca 2026' 3000 "$W/chain.pem"
    report_chain '/O=Example/CN=ca 2027' 6000 "$W/chain2.pem"
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out "$W/log.pem"
    {
        "$T" init "$W/tuf" --holders alice,bob,carol --threshold 2
        for h in alice bob carol dave; do
            "$T" key new $h --key "$W/$h.key" --no-password --out "$W" && "$T" key import $h "$W/$h.pub" --dir "$W/tuf"
        done
        cat >>"$W/tuf/policy.yaml" <<'POLICY'
delegations:
  "<i>releases":
    holders: [dave, bob]
    threshold: 1
    expiry: 90d
    signing: 30d
    paths: ["9.99/*"]
    directory: releases
POLICY
        mkdir -p "$W/tuf/targets" && report_issuers a b
        mkdir -p "$W/tuf/releases/9.99" && echo one >"$W/tuf/releases/9.99/one.txt"
        "$T" trust add-ca --offline --url https://ca.example.com --chain "$W/chain.pem" --dir "$W/tuf" &&
            "$T" trust add-ctlog --offline --url https://ca.example.com/log --key "$W/log.pem" --dir "$W/tuf" &&
            "$T" propose --dir "$W/tuf" --name first --reason 'the first root' &&
            report_sign first "" alice bob dave && "$T" publish --dir "$W/tuf" "$W/tuf/events/first.json" &&
            report_issuers a c && "$T" propose --dir "$W/tuf" --name list --reason 'another issuer' &&
            report_sign list 1 alice bob && "$T" publish --dir "$W/tuf" "$W/tuf/events/list.json" &&
            "$T" holder replace carol dave --dir "$W/tuf" &&
            "$T" propose --dir "$W/tuf" --name second --reason 'carol leaves <b>&"</b>' &&
            report_sign second 1 alice bob dave && "$T" publish --dir "$W/tuf" "$W/tuf/events/second.json" &&
            "$T" trust add-ca --offline --url https://ca2.example.com --chain "$W/chain2.pem" --dir "$W/tuf" &&
            "$T" propose --dir "$W/tuf" --name third --reason 'the CA of 2027' && report_sign third 2 alice
    } >"$W/said" 2>&1 || { tail -n 5 "$W/said"; return 1; }
}
