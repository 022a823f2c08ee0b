#!/usr/bin/env bash
# A holder's part over git in one command: fetch, review, sign, push; also when others push meanwhile.
set -u
. "$(dirname "$0")/../begin.bash"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 TMPDIR=$W
export GIT_CONFIG_GLOBAL=$W/gitconfig GIT_CONFIG_NOSYSTEM=1
. tests/demo_trust.sh
. tests/e2e/matches.bash
T=$PWD/$B/tenmint-tuf
trust_workspace || exit 1
echo one >"$W/tuf/targets/one.txt"
G=$W/coordinator
in_git() { git -C "$G" -c user.name=t -c user.email=t@example.com "$@" >"$W/git.out" 2>&1 || { cat "$W/git.out"; return 1; }; }
git init -q --bare -b main "$W/remote.git" && git clone -q "$W/remote.git" "$G" 2>/dev/null
hold() { # HOLDER [OPTION]...
    "$T" hold "$W/remote.git" --key "$W/$1.key" --password-file "$W/$1.password" "${@:2}"
}
for form in first/ second.json; do
    name=${form%/} && name=${name%.json}
    echo "$name" >"$W/tuf/targets/one.txt"
    in_git checkout -q -B main && mkdir -p "$G/events"
    "$T" propose --dir "$W/tuf" --name "$name" --reason "$name" --out "$G/events/$form" >/dev/null
    in_git add -A && in_git commit -qm "propose $name" && in_git push -q origin main || fails=$((fails + 1))
    D=$("$T" review "$G/events/$form" | sed -n 's/^Digest *//p')
    says "$name: another digest" 1 "not the one you reviewed" hold alice --digest "$(printf '0%.0s' $(seq 64))"
    says "$name: alice" 0 "pushed" hold alice --digest "$D"
    # The first push is refused, as when another holder was faster.
    printf '#!/bin/sh\n[ -e "%s" ] || { touch "%s"; exit 1; }\n' "$W/once-$name" "$W/once-$name" >"$W/remote.git/hooks/pre-receive"
    chmod +x "$W/remote.git/hooks/pre-receive"
    says "$name: bob, whose first push is refused" 0 "pushed" hold bob --digest "$D"
    says "$name: nothing waits any more" 0 "no event waits" hold carol
    in_git pull -q origin main
    says "$name: publish" 0 "published" "$T" publish --dir "$W/tuf" "$G/events/${form%/}"
done
check "each holder's commit" "alice signs first;alice signs second;bob signs first;bob signs second;" \
    "$(git -C "$G" log --format=%s | grep signs | sort | tr '\n' ';')"
says "a repository that is none" 1 "clone failed" "$T" hold "$W/nowhere" --key "$W/alice.key"
says "an option in its place" 2 "unknown option" "$T" hold --upload-pack=x
says "a path out of it" 1 "no path in the repository" hold alice --event ../x
check "no clone is left" "" "$(ls -d "$W"/tenmint-hold.* 2>/dev/null)"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
