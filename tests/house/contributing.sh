#!/usr/bin/env bash
# CONTRIBUTING.md, "Add …", done as it says in a copy of the tree: a command, an issuer type, a fuzz
# target and a mutant, each with no more than the files that the page names.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$PWD/build # as `make` makes it
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
bad=0
fault() { echo "FAULT $*"; [ ! -s "$W/said" ] || tail -n 5 "$W/said"; bad=1; }
can() { # WHAT COMMAND...
    "${@:2}" >"$W/said" 2>&1 </dev/null || fault "$1: '${*:2}' exits $?"
    : >"$W/said"
}

git ls-files -z | xargs -0 cp -p --parents -t "$W" 2>/dev/null
mkdir "$W/build"
cp -a "$B/obj" "$B/gen" "$B"/*.a "$W/build/" || exit 1
cd "$W" || exit 1

# A command: a file, its declaration, its row with an example, its lines in the page.
cat >tools/tenmint/greet.c <<'C'
/* greet: says hello. */
#include "tools/tenmint/commands.h"

int command_greet(const struct cli_command *self, int argc, char **argv)
{
    const char *name = NULL;
    bool json = false;
    const struct cli_option options[] = {
        {"name", CLI_TEXT, "NAME", "whom", &name}, CLI_JSON(&json), {0}};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (name == NULL) {
        tm_err_set(&e, "--name NAME is needed");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    printf(json ? "{\"greeted\": \"%s\"}\n" : "hello %s\n", name);
    return CLI_OK;
}
C
sed -i '/^int command_show/i int command_greet(const struct cli_command *self, int argc, char **argv);' tools/tenmint/commands.h
sed -i '/^    {\.name = "show",/i \    {.name = "greet", .args = "--name NAME [--json]", .summary = "say hello",\n     .examples = "  tenmint greet --name you\\n", .run = command_greet},' tools/tenmint/main.c
sed -i '/^\.Ss show$/i .Ss greet\n.Nm\n.Cm greet\n.No --name NAME \\\&[--json]\n.Bl -tag -width Ds\n.It Fl -name Ar NAME\nwhom\n.It Fl -json\nJSON on standard output\n.El' tools/tenmint/tenmint.1
can "a command is built" make -s build/tenmint
can "a command runs" build/tenmint greet --name you
can "its example stands in its help" grep -q 'tenmint greet --name you' <(build/tenmint help greet)
can "its options are offered by the completion" grep -q '^option.greet.name.NAME.whom.text$' <(build/tenmint help --table)
can "its page is well formed" mandoc -T lint -W warning tools/tenmint/tenmint.1

# An issuer type: a row; the maker of user names serves.
sed -i 's|^    {"username", .*|&\n    {"badge", "sub", TAKES_SUBJECT_DOMAIN, oidc_check_username, oidc_make_username, NULL},|' oidc/principal/types.c
can "an issuer type is built" make -s build/tenmint-ca
printf 'oidc-issuers:\n  https://a.example.com:\n    issuer-url: https://a.example.com\n    client-id: sigstore\n    type: email\n' >list.yaml
can "an issuer of the new type" build/tenmint-ca issuer add list.yaml https://b.example.com --type badge --subject-domain b.example.com
can "is in the list" grep -q 'type: badge' list.yaml

# A fuzz target: a file, a line, a corpus.
mkdir testdata/corpus/hex
echo 00ff >testdata/corpus/hex/one
echo 'hex 100' >>tests/fuzz/runs
cat >tests/fuzz/fuzz_hex.c <<'C'
/* Any text as hexadecimal. */
#include <stdint.h>

#include "common/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_buf out = {0};
    (void)tm_hex_decode((const char *)data, size, &out);
    tm_buf_free(&out);
    return 0;
}
C
can "a fuzz target" make -s CC=clang-14 build/fuzz/fuzz_hex
can "it runs" build/fuzz/fuzz_hex testdata/corpus/hex/one

# A mutant: a block of a list.
cat >>tests/mutants/encodings <<'M'
file common/hex.c
-    if (len % 2 != 0)
+    if (len % 2 == 0)
test test_hex
why an even length is refused
M
can "a mutant" bash tests/mutants.sh --apply encodings
[ $bad = 0 ] && echo "contributing: a command, an issuer type, a fuzz target and a mutant are made as the page says"
exit $bad
