/* tenmint: what a CI job runs. */
#include "tools/tenmint/commands.h"

static const struct cli_command trust_commands[] = {
    {.name = "init",
     .group = "trust",
     .args = "--root FILE [OPTION]...",
     .summary = "begin to trust a root file; no network",
     .examples = "  tenmint trust init --root 1.root.json --metadata-url https://tuf.example.com\n",
     .run = command_trust_init},
    {.name = "refresh",
     .group = "trust",
     .args = "[OPTION]...",
     .summary = "bring the trusted metadata up to date",
     .examples = "  tenmint trust refresh\n"
                 "  tenmint trust refresh --root pinned.root.json --metadata-url /media/usb/repo\n",
     .exits = {[CLI_DANGER] = "danger: the mirror serves older metadata than was seen before"},
     .run = command_trust_refresh},
    {.name = "show",
     .group = "trust",
     .args = "[OPTION]...",
     .summary = "what is trusted and until when; no network",
     .examples = "  tenmint trust show --json\n",
     .run = command_trust_show},
    {.name = "get",
     .group = "trust",
     .args = "TARGET... | --client-trust-config [OPTION]...",
     .summary = "refresh, then fetch verified targets and print where they are",
     .examples = "  tenmint trust get trusted_root.json --out trusted_root.json\n"
                 "  tenmint trust get --client-trust-config --out trust-config.json\n",
     .exits = {[CLI_DANGER] = "danger: the mirror serves older metadata than was seen before"},
     .run = command_trust_get},
    {.name = "export",
     .group = "trust",
     .args = "--form FORM [OPTION]...",
     .summary = "refresh, then write the trust in the form that another verifier takes",
     .examples = "  tenmint trust export --form policy-controller --out trustroot.yaml\n"
                 "  tenmint trust export --form kyverno --issuer https://idp.example.com \\\n"
                 "      --identity dev@example.com\n"
                 "  tenmint trust export --form mirror-tar --out mirror.tar\n",
     .exits = {[CLI_DANGER] = "danger: the mirror serves older metadata than was seen before"},
     .run = command_trust_export},
};

static const struct cli_command commands[] = {
    {.name = "cert",
     .args = "--ca URL [OPTION]...",
     .summary = "get a ten-minute signing certificate for this CI job",
     .examples = "  tenmint cert --ca https://ca.example.com --out signing/\n"
                 "  tenmint cert --ca http://127.0.0.1:5555 --token-file token.jwt --json\n",
     .run = command_cert},
    {.name = "show",
     .args = "FILE",
     .summary =
         "what a file says: certificate, bundle, trusted root, TUF metadata, SCT, checkpoint",
     .examples = "  tenmint show signing/leaf.pem\n"
                 "  tenmint show app.tar.gz.sigstore.json --json\n",
     .run = command_show},
    {.name = "sign",
     .args = "[OPTION]... ARTIFACT...",
     .summary = "sign files, from the job's token to Sigstore bundles",
     .examples = "  tenmint sign app.tar.gz app.sbom.json\n"
                 "  tenmint sign --statement statement.json\n"
                 "  tenmint sign --predicate https://slsa.dev/provenance/v1 provenance.json "
                 "app.tar.gz\n"
                 "  tenmint sign --cert-dir signing/ --tsa https://tsa.example.com app.tar.gz\n",
     .run = command_sign},
    {.name = "verify",
     .args = "(--bundle FILE | --certificate FILE [--signature FILE]) [OPTION]... [ARTIFACT]",
     .summary = "check who signed a file, against the trusted root",
     .examples = "  tenmint verify --bundle app.sigstore.json --issuer https://idp.example.com \\\n"
                 "      --identity dev@example.com app.tar.gz\n"
                 "  tenmint verify --certificate leaf.pem --signature app.sig \\\n"
                 "      --issuer https://token.actions.githubusercontent.com \\\n"
                 "      --extension source-repository-uri=https://github.com/org/app app.tar.gz\n",
     .exits = {[CLI_OK] = "verified",
               [CLI_FAILED] = "bad: the signature, the certificate or the policy does not hold",
               [CLI_DANGER] = "danger: the mirror rolls the trusted root back",
               [CLI_UNKNOWN] = "cannot know: a mirror is down, a file cannot be read"},
     .run = command_verify},
    {.name = "trust",
     .args = "COMMAND [OPTION]...",
     .summary = "the trusted root: CA certificates and log keys, by TUF",
     .commands = trust_commands,
     .count = sizeof(trust_commands) / sizeof(trust_commands[0])},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {"tenmint", "keyless signing for CI jobs", commands,
                                               sizeof(commands) / sizeof(commands[0])};
    return cli_main(&program, argc, argv);
}
