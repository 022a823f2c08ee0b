# A ceremony with three demo holders, threshold two. Sourced by demo.sh and the e2e tests: B is the
# build directory, W a scratch directory; the workspace is $W/tuf, what is served $W/tuf/published.
export XDG_STATE_HOME=$W/state
holder_key() { # NAME [TYPE]: an encrypted key file as the holder makes it, and its public key
    (umask 077 && echo "the demo password of $1" >"$W/$1.password")
    "$B/tenmint-tuf" key new "$1" --type "${2:-p256}" --key "$W/$1.key" --password-file "$W/$1.password" --out "$W" >"$W/$1.shown" || return 1
    "$B/tenmint-tuf" key import "$1" "$W/$1.pub" --dir "$W/tuf" \
        --fingerprint "$(sed -n 's/^fingerprint *//p' "$W/$1.shown")" >/dev/null
}
trust_workspace() { # [TYPE of each holder]: a policy, three holders, an online key
    "$B/tenmint-tuf" init "$W/tuf" --holders alice,bob,carol --threshold 2 >/dev/null || return 1
    holder_key alice "${1:-}" && holder_key bob "${2:-}" && holder_key carol "${3:-}"
}
propose() { # NAME REASON [propose option...]: the event is $W/NAME.json
    "$B/tenmint-tuf" propose --dir "$W/tuf" --name "$1" --reason "$2" --out "$W/$1.json" "${@:3}" >"$W/propose.out"
}
event_digest() { # EVENT-FILE
    "$B/tenmint-tuf" review "$1" | sed -n 's/^Digest *//p'
}
sign_as() { # HOLDER NAME: on a copy of the event, as on the holder's own machine
    cp "$W/$2.json" "$W/$2-$1.json" &&
        "$B/tenmint-tuf" sign "$W/$2-$1.json" --key "$W/$1.key" --password-file "$W/$1.password" \
            --digest "$(event_digest "$W/$2-$1.json")"
}
ceremony() { # NAME REASON HOLDER...: propose, sign, merge, publish
    local name=$1 reason=$2 holder
    shift 2
    propose "$name" "$reason" || return 1
    for holder in "$@"; do sign_as "$holder" "$name" >"$W/sign.out" || return 1; done
    "$B/tenmint-tuf" merge "$W/$name.json" $(for holder in "$@"; do echo "$W/$name-$holder.json"; done) >"$W/merge.out" &&
        "$B/tenmint-tuf" publish --dir "$W/tuf" "$W/$name.json"
}
