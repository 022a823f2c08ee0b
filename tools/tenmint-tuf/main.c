/* tenmint-tuf: the TUF root of a private Sigstore: ceremony, publication, renewal. */
#include <malloc.h>

#include "tools/tenmint-tuf/commands.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct cli_command key_commands[] = {
    {.name = "new",
     .group = "key",
     .args = "NAME --key FILE | --pkcs11-module FILE ... [OPTION]...",
     .summary = "make a holder's key: an encrypted file, or inside a token",
     .examples =
         "  tenmint-tuf key new alice --key alice.key --out .\n"
         "  tenmint-tuf key new alice --pkcs11-module /usr/lib/x86_64-linux-gnu/libykcs11.so \\\n"
         "      --pkcs11-token 'YubiKey PIV #1234' --pkcs11-key 'SIGN key' --out .\n",
     .run = command_key_new},
    {.name = "import",
     .group = "key",
     .args = "NAME FILE [--fingerprint HEX] [--replace]",
     .summary = "take a holder's public key (PEM, certificate or TUF key) into the workspace",
     .examples = "  tenmint-tuf key import alice alice.pub --fingerprint 2f1c...\n",
     .run = command_key_import},
    {.name = "show",
     .group = "key",
     .args = "NAME | FILE | NAME --key FILE",
     .summary = "print a key's fingerprint and keyid, to be read out and compared",
     .examples = "  tenmint-tuf key show alice\n",
     .run = command_key_show},
};

static const struct cli_command holder_commands[] = {
    {.name = "add",
     .group = "holder",
     .args = "NAME ROLE... [OPTION]...",
     .summary = "let a holder sign roles",
     .examples = "  tenmint-tuf holder add dave root targets\n",
     .run = command_holder_add},
    {.name = "remove",
     .group = "holder",
     .args = "NAME [ROLE]...",
     .summary = "take a holder out of roles (all)",
     .examples = "  tenmint-tuf holder remove carol\n",
     .run = command_holder_remove},
    {.name = "replace",
     .group = "holder",
     .args = "OLD NEW [ROLE]... [OPTION]...",
     .summary = "put a holder in another's place (all roles); --key says where an online key lives",
     .examples = "  tenmint-tuf holder replace bob dave\n"
                 "  tenmint-tuf holder replace online online-2027 --key tuf/online-2027.key\n",
     .run = command_holder_replace},
};

/* One line each of the three lists below: what is named, in words, and how an example names it. */
#define ADD(what, text, given) \
    { \
        .name = "add-" what, .group = "trust", .args = "--url URL [--offline] [OPTION]...", \
        .summary = "trust " text, .examples = "  tenmint-tuf trust add-" what " " given "\n", \
        .run = command_trust_add \
    }
#define RETIRE(what, text, url) \
    { \
        .name = "retire-" what, .group = "trust", .args = "FINGERPRINT | URL [--end TIME]", \
        .summary = "end " text ": old signatures still verify", \
        .examples = "  tenmint-tuf trust retire-" what " " url " --end 2027-01-01\n", \
        .run = command_trust_retire \
    }
#define REMOVE(what, text, url) \
    { \
        .name = "remove-" what, .group = "trust", .args = "FINGERPRINT | URL --confirm", \
        .summary = "emergency: forget " text ", old signatures fail", \
        .examples = "  tenmint-tuf trust remove-" what " " url " --confirm\n", \
        .run = command_trust_remove \
    }

static const struct cli_command trust_commands[] = {
    ADD("ca", "a certificate authority, which is asked for its chain",
        "--url https://ca.example.com --chain ca/chain.pem"),
    ADD("ctlog", "a certificate transparency log, which is asked",
        "--url https://ca.example.com/log --key ca/log.pem"),
    ADD("log", "a transparency log such as Rekor, which is asked",
        "--url https://rekor.example.com --key rekor.pem"),
    ADD("tsa", "a timestamp authority, which is asked for a timestamp",
        "--url https://tsa.example.com --chain tsa-chain.pem --offline"),
    ADD("oidc", "an OIDC provider, for signers only", "--url https://idp.example.com"),
    RETIRE("ca", "a certificate authority", "https://ca.example.com"),
    RETIRE("ctlog", "a certificate transparency log", "https://ca.example.com/log"),
    RETIRE("log", "a transparency log", "https://rekor.example.com"),
    RETIRE("tsa", "a timestamp authority", "https://tsa.example.com"),
    RETIRE("oidc", "an OIDC provider", "https://idp.example.com"),
    REMOVE("ca", "a certificate authority", "https://ca.example.com"),
    REMOVE("ctlog", "a certificate transparency log", "https://ca.example.com/log"),
    REMOVE("log", "a transparency log", "https://rekor.example.com"),
    REMOVE("tsa", "a timestamp authority", "https://tsa.example.com"),
    REMOVE("oidc", "an OIDC provider", "https://idp.example.com"),
    {.name = "show",
     .group = "trust",
     .args = "",
     .summary = "list what is trusted, and what signers use",
     .examples = "  tenmint-tuf trust show --dir tuf\n",
     .run = command_trust_show},
};

static const struct cli_command commands[] = {
    {.name = "init",
     .args = "DIR [--policy FILE | --holders A,B,C --threshold N | --from DIR|URL]",
     .summary = "make a workspace; asks on a terminal",
     .examples = "  tenmint-tuf init tuf\n"
                 "  tenmint-tuf init tuf --holders alice,bob,carol --threshold 2\n"
                 "  tenmint-tuf init tuf --from https://tuf.example.com\n",
     .run = command_init},
    {.name = "key",
     .summary = "holders' keys",
     .commands = key_commands,
     .count = COUNT(key_commands)},
    {.name = "holder",
     .summary = "change who signs",
     .commands = holder_commands,
     .count = COUNT(holder_commands)},
    {.name = "trust",
     .summary = "edit trusted_root.json and signing_config.v0.2.json",
     .commands = trust_commands,
     .count = COUNT(trust_commands)},
    {.name = "propose",
     .args = "[OPTION]...",
     .summary = "make a signing event of what the policy asks for and is not published",
     .examples = "  tenmint-tuf propose --reason 'dave joins'\n",
     .run = command_propose},
    {.name = "review",
     .args = "EVENT [--trusted ROOT] [--dir DIR]",
     .summary = "say in words what an event changes, who has signed, who still must",
     .examples = "  tenmint-tuf review event.json --trusted 3.root.json\n",
     .exits = {[CLI_DANGER] = "danger: it would harm every client",
               [CLI_REVIEW] = "wrong: something in it is missing or cannot be explained"},
     .run = command_review},
    {.name = "sign",
     .args = "EVENT --key FILE [OPTION]...",
     .summary = "add one holder's signatures; needs no network",
     .examples = "  tenmint-tuf sign event.json --key alice.key --trusted 3.root.json\n",
     .exits = {[CLI_REVIEW] = "wrong: something in the review is missing or cannot be explained"},
     .run = command_sign},
    {.name = "hold",
     .args = "REMOTE --key FILE [--event PATH] [OPTION]...",
     .summary = "a holder's part over git: fetch, review, sign and push in one go",
     .examples = "  tenmint-tuf hold git@git.example.com:tuf.git --key alice.key\n",
     .exits = {[CLI_REVIEW] = "wrong: something in the review is missing or cannot be explained"},
     .run = command_hold},
    {.name = "merge",
     .args = "EVENT SIGNED-EVENT...",
     .summary = "gather the signatures of copies of one event",
     .examples = "  tenmint-tuf merge event.json from-alice.json from-bob.json\n",
     .run = command_merge},
    {.name = "publish",
     .args = "[EVENT] [OPTION]...",
     .summary = "publish a signed event, and what the online keys sign",
     .examples = "  tenmint-tuf publish events/event.json\n",
     .run = command_publish},
    {.name = "refresh",
     .args = "[--watch DURATION] [OPTION]...",
     .summary = "re-sign timestamp and snapshot when they are due; for cron or a timer",
     .examples = "  tenmint-tuf refresh --dir /var/lib/tenmint-tuf\n",
     .run = command_refresh},
    {.name = "revoke",
     .args = "NAME [--replace-by NAME] [OPTION]...",
     .summary = "emergency: drop a holder's or an online key now, and propose the new root",
     .examples = "  tenmint-tuf revoke bob --replace-by dave --reason 'laptop stolen'\n",
     .run = command_revoke},
    {.name = "rehearse",
     .args = "scheduled | emergency | holder | online",
     .summary = "do a rotation on a copy with throwaway keys, and prove what clients make of it",
     .examples = "  tenmint-tuf rehearse emergency --dir tuf\n",
     .run = command_rehearse},
    {.name = "status",
     .args = "[DIR | URL] [--json | --prometheus]",
     .summary = "how long each role lasts, and who must act",
     .examples = "  tenmint-tuf status https://tuf.example.com\n",
     .exits = {[CLI_FOUND] = "found: a role is to be signed or has expired, or an event waits"},
     .run = command_status},
    {.name = "verify",
     .args = "[DIR | URL]",
     .summary = "check a whole tree as a client of every root, and the transcript",
     .examples = "  tenmint-tuf verify https://tuf.example.com\n",
     .run = command_verify},
    {.name = "diff",
     .args = "OLD NEW",
     .summary = "what changed between two trees (directories or URLs), in words",
     .examples = "  tenmint-tuf diff https://tuf.example.com tuf/published\n",
     .run = command_diff},
    {.name = "history",
     .args = "[DIR | URL] [--lines]",
     .summary = "every change of the root in words, or the workspace's evidence",
     .examples = "  tenmint-tuf history https://tuf.example.com\n"
                 "  tenmint-tuf history tuf --lines\n",
     .run = command_history},
    {.name = "report",
     .args = "[DIR | URL] --html DIR",
     .summary =
         "pages for people: roles and holders, expiry, open events, roots, whom clients trust",
     .examples = "  tenmint-tuf report tuf --html tuf-report\n",
     .run = command_report},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {
        .name = "tenmint-tuf",
        .summary = "the TUF root of a private Sigstore: ceremony, publication, renewal",
        .commands = commands,
        .count = COUNT(commands),
    };
    /* A buffer of a whole file goes back to the system when it is freed; else the allocator keeps
     * it, and finds room beside it for the next. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    return cli_main(&program, argc, argv);
}
