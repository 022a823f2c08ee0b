/* The drills: what is done, in which order, and how each step must end. */
#include <poll.h>
#include <string.h>

#include "common/clock.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"

#define PATIENCE_MS 60000 /* until a running server has taken up what it was told of */
#define AGAIN_MS 200

const char *const rehearse_names[REHEARSE_KINDS] = {
    [REHEARSE_ROTATE] = "rotate", [REHEARSE_LOG] = "log", [REHEARSE_ISSUER] = "issuer"};

enum only {
    ALWAYS,
    WITH_CT,
    WITHOUT_CT,
    WITH_SIGNATURES,
    WITHOUT_SIGNATURES
}; /* of the live CA: such a log */

struct row {
    const char *what;
    int (*first)(struct rehearse_copy *c, struct tm_err *e); /* or NULL */
    enum rehearse_token token;                               /* written before the command */
    const char *words;                                       /* the command; NULL: none */
    int code;                                                /* that it must exit with */
    const char *text; /* in its last line; NULL: any. Of a refusal: its reason */
    unsigned again;   /* 1: until it ends so, for PATIENCE_MS; 2: with the row before it, … */
    enum only only;
    bool optional; /* skipped where there is no such program */
};

/* ---- commands ---- */

#define SIGN_BY(root, config, name) \
    "tenmint sign --force --tries 1 --signing-config " config " --trusted-root " root \
    " --token-file $W/token --bundle $W/" name ".json $W/" name
#define SIGN(name) SIGN_BY("$T/trusted_root.json", "$T/signing_config.v0.2.json", name)
#define WHO " --issuer " REHEARSE_ISSUER_URL " --identity " REHEARSE_IDENTITY
#define VERIFY_BY(root, bundle, name) \
    "tenmint verify --trusted-root " root " --bundle $W/" bundle ".json" WHO " $W/" name
#define VERIFY(bundle, name) VERIFY_BY("$T/trusted_root.json", bundle, name)
#define BEFORE "$W/before.json" /* the trusted root of who has not refreshed */
#define COSIGN_OF(bundle, name) \
    "cosign verify-blob --new-bundle-format --trusted-root $T/trusted_root.json --bundle " \
    "$W/" bundle ".json --use-signed-timestamps --certificate-oidc-issuer " REHEARSE_ISSUER_URL \
    " --certificate-identity " REHEARSE_IDENTITY " $W/" name
#define COSIGN(name) COSIGN_OF(name, name)
#define TRUST(command) "tenmint-tuf trust " command " --folder $T"
#define LOG_NAME "9999" /* of the next log: a period that no operator is in */
#define LOG_ROTATE "tenmint-ca log rotate $C/tenmint-ca.yaml " LOG_NAME
#define ISSUER(command, more) \
    "tenmint-ca issuer " command " $C/issuers.yaml " REHEARSE_ISSUER_URL more
#define ADD_ISSUER ISSUER("add", " --type email --jwks-file rehearsal.json")

#define REFUSED 1 /* by a check, or by the server */

/* ---- what is done beside commands ---- */

static int keep_targets(struct rehearse_copy *c, struct tm_err *e)
{
    static const char config[] = "ca/tuf/targets/signing_config.v0.2.json";
    return rehearse_copy_file(c, "ca/tuf/targets/trusted_root.json", "before.json", e) == 0
               ? rehearse_copy_file(c, config, "before.config", e)
               : -1;
}

static int keep_key(struct rehearse_copy *c, struct tm_err *e)
{
    return rehearse_copy_file(c, "ca/intermediate.key", "stolen.key", e) == 0
               ? rehearse_copy_file(c, "ca/chain.pem", "stolen.pem", e)
               : -1;
}

static int use_stolen_key(struct rehearse_copy *c, struct tm_err *e)
{
    return rehearse_copy_file(c, "stolen.key", "ca/intermediate.key", e) == 0 &&
                   rehearse_copy_file(c, "stolen.pem", "ca/chain.pem", e) == 0
               ? rehearse_server_reload(c, e)
               : -1;
}

static int keep_config(struct rehearse_copy *c, struct tm_err *e)
{
    return rehearse_copy_file(c, "ca/tenmint-ca.yaml", "before.yaml", e);
}

static int use_old_log(struct rehearse_copy *c, struct tm_err *e)
{
    return rehearse_copy_file(c, "before.yaml", "ca/tenmint-ca.yaml", e) == 0
               ? rehearse_server_reload(c, e)
               : -1;
}

/* ---- tables ---- */

static const struct row begin[] = {
    {.what = "the copy is served: an artifact is signed before the rotation",
     .first = rehearse_server_start,
     .token = REHEARSE_GOOD,
     .words = SIGN("old"),
     .again = 1},
    {.what = "it verifies", .words = VERIFY("old", "old")},
    {.what = "what verifiers and signers know before the rotation is kept", .first = keep_targets},
};

/* Of what was signed before: what must be refused at any time. */
static const struct row denials[] = {
    {.what = "a wrong signature is refused",
     .first = rehearse_damage,
     .words = VERIFY("damaged", "old"),
     .code = REFUSED,
     .text = "the signature does not verify"},
    {.what = "an artifact that nobody signed is refused",
     .words = VERIFY("old", "other"),
     .code = REFUSED,
     .text = "about another artifact"},
    {.what = "cosign takes the artifact", .words = COSIGN("old"), .optional = true},
    {.what = "cosign refuses a wrong signature",
     .words = COSIGN_OF("damaged", "old"),
     .code = REFUSED,
     .optional = true},
};

/* The end of each drill. */
static const struct row end[] = {
    {.what = "the artifact from before still verifies", .words = VERIFY("old", "old")},
    {.what = "cosign takes it", .words = COSIGN("old"), .optional = true},
};

static const struct row rotate[] = {
    {.what = "the key in service and its chain are kept, as a thief would", .first = keep_key},
    {.what = "the next key and chain are made", .words = "tenmint-ca rotate $C"},
    {.what = "the present key still signs", .token = REHEARSE_GOOD, .words = SIGN("old")},
    {.what = "verifiers are told of the next chain",
     .words = TRUST("add-ca --url $U --chain $C/next/chain.pem")},
    {.what = "the next key is put in service", .words = "tenmint-ca rotate $C --activate"},
    {.what = "the running server reads its files again", .first = rehearse_server_reload},
    {.what = "an artifact is signed after the rotation",
     .token = REHEARSE_GOOD,
     .words = SIGN("new")},
    {.what = "by the new key: a verifier that was not told of it refuses it",
     .words = VERIFY_BY(BEFORE, "new", "new"),
     .code = REFUSED,
     .text = "certificate authorities issued it",
     .again = 2},
    {.what = "a verifier that was told takes it", .words = VERIFY("new", "new")},
    {.what = "the old key is retired for verifiers", .words = TRUST("retire-ca $F --confirm")},
    {.what = "the old key is back, in a thief's hands", .first = use_stolen_key},
    {.what = "a certificate by it is got", .token = REHEARSE_GOOD, .words = SIGN("late")},
    {.what = "an artifact by the retired key is refused",
     .words = VERIFY("late", "late"),
     .code = REFUSED,
     .text = "the trusted root trusts its CA",
     .again = 2},
    {.what = "one by the new key still verifies", .words = VERIFY("new", "new")},
    {.what = "cosign takes it", .words = COSIGN("new"), .optional = true},
    {.what = "cosign refuses the one by the retired key",
     .words = COSIGN("late"),
     .code = REFUSED,
     .optional = true},
};

static const struct row logs[] = {
    {.what = "the configuration is kept", .first = keep_config},
    {.what = "the next log of certificates is made", .words = LOG_ROTATE, .only = WITH_CT},
    {.what = "verifiers are told of its key",
     .words = TRUST("add-ctlog --url $U/log/" LOG_NAME " --key $C/log-" LOG_NAME ".pem --offline"),
     .only = WITH_CT},
    {.what = "the next shard of the signature log is made",
     .words = LOG_ROTATE " --signatures",
     .only = WITH_SIGNATURES},
    {.what = "verifiers and signers are told of it",
     .words = TRUST("add-log --url $U/" LOG_NAME " --key $C/siglog-" LOG_NAME
                    ".pem --api-version 2 --offline"),
     .only = WITH_SIGNATURES},
    {.what = "the next log is put in service", .words = LOG_ROTATE " --activate", .only = WITH_CT},
    {.what = "the next shard is put in service",
     .words = LOG_ROTATE " --signatures --activate",
     .only = WITH_SIGNATURES},
    {.what = "the running server reads its configuration again", .first = rehearse_server_reload},
    {.what = "an artifact is signed after the rotation",
     .token = REHEARSE_GOOD,
     .words = SIGN("new"),
     .again = 1},
    {.what = "in the new log: a verifier that was not told of it refuses it",
     .words = VERIFY_BY(BEFORE, "new", "new"),
     .code = REFUSED,
     .text = "CT log(s) vouch for the certificate",
     .again = 2,
     .only = WITH_CT},
    {.what = "in the new shard: a verifier that was not told of it refuses it",
     .words = VERIFY_BY(BEFORE, "new", "new"),
     .code = REFUSED,
     .text = "transparency logs hold this signature",
     .again = 2,
     .only = WITHOUT_CT},
    {.what = "a verifier that was told takes it", .words = VERIFY("new", "new")},
    {.what = "the old log of certificates is served as it ended",
     .words = "tenmint-ca log verify $U/log --key $C/log.pem",
     .only = WITH_CT},
    {.what = "the old log is retired for verifiers",
     .words = TRUST("retire-ctlog $U/log --confirm"),
     .only = WITH_CT},
    {.what = "the old shard is retired for verifiers",
     .words = TRUST("retire-log $U --confirm"),
     .only = WITH_SIGNATURES},
    {.what = "the old log is back in service, against the plan", .first = use_old_log},
    {.what = "it vouches for an artifact of who was not told",
     .token = REHEARSE_GOOD,
     .words = SIGN_BY(BEFORE, "$W/before.config", "late"),
     .again = 1},
    {.what = "which is refused: the log's time is over",
     .words = VERIFY("late", "late"),
     .code = REFUSED,
     .text = "the trusted root trusts the log",
     .only = WITH_SIGNATURES},
    {.what = "which is refused: the log's time is over",
     .words = VERIFY("late", "late"),
     .code = REFUSED,
     .text = "CT log(s) vouch for the certificate",
     .only = WITHOUT_SIGNATURES},
    {.what = "an artifact in the new log still verifies", .words = VERIFY("new", "new")},
    {.what = "cosign takes it", .words = COSIGN("new"), .optional = true},
};

static const struct row issuers_begin[] = {
    {.what = "a server takes the list of issuers as it is",
     .words = "tenmint-ca check-config $C/tenmint-ca.yaml"},
    {.what = "the copy is served: a token of an issuer that is not in the list is refused",
     .first = rehearse_server_start,
     .token = REHEARSE_GOOD,
     .words = SIGN("old"),
     .code = REFUSED,
     .text = "is not trusted",
     .again = 1},
    {.what = "what adding the issuer would change is said", .words = ADD_ISSUER " --dry-run"},
    {.what = "the issuer is added", .words = ADD_ISSUER},
    {.what = "the running server reads the list again", .first = rehearse_server_reload},
    {.what = "a token of the new issuer gets a certificate, and signs",
     .token = REHEARSE_GOOD,
     .words = SIGN("old"),
     .again = 1},
    {.what = "the artifact verifies", .words = VERIFY("old", "old")},
};

static const struct row issuers[] = {
    {.what = "a token by a key that is not the issuer's is refused",
     .token = REHEARSE_OTHER_KEY,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "signature"},
    {.what = "a token that is not signed is refused",
     .token = REHEARSE_UNSIGNED,
     .words = "tenmint-ca issuer test $C/tenmint-ca.yaml --token $W/token",
     .code = REFUSED,
     .text = "alg"},
    {.what = "a token for another audience is refused",
     .token = REHEARSE_OTHER_AUDIENCE,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "aud is "},
    {.what = "a token that has expired is refused",
     .token = REHEARSE_EXPIRED,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "the token expired"},
    {.what = "the issuer changes its key", .first = rehearse_issuer_key},
    {.what = "the running server reads it", .first = rehearse_server_reload},
    {.what = "a token by the key that the issuer has retired is refused",
     .token = REHEARSE_RETIRED_KEY,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "signature",
     .again = 1},
    {.what = "a token by its new key signs", .token = REHEARSE_GOOD, .words = SIGN("new")},
    {.what = "the issuer is taken out, …", .words = ISSUER("remove", "")},
    {.what = "and comes back for releases alone", .words = ADD_ISSUER " --allow sub=release-*"},
    {.what = "the running server reads the list again", .first = rehearse_server_reload},
    {.what = "a token of another job of the changed issuer is refused",
     .token = REHEARSE_GOOD,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "rules",
     .again = 1},
    {.what = "a release's token signs", .token = REHEARSE_RELEASE, .words = SIGN("new")},
    {.what = "the issuer is disabled", .words = ISSUER("disable", "")},
    {.what = "the running server reads the list again", .first = rehearse_server_reload},
    {.what = "a token of the disabled issuer is refused",
     .token = REHEARSE_RELEASE,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "issuer_disabled",
     .again = 1},
    {.what = "the issuer is enabled", .words = ISSUER("enable", "")},
    {.what = "the running server reads the list again", .first = rehearse_server_reload},
    {.what = "its token signs again", .token = REHEARSE_RELEASE, .words = SIGN("new"), .again = 1},
    {.what = "the issuer is removed", .words = ISSUER("remove", "")},
    {.what = "the running server reads the list again", .first = rehearse_server_reload},
    {.what = "a token of the removed issuer is refused",
     .token = REHEARSE_RELEASE,
     .words = SIGN("late"),
     .code = REFUSED,
     .text = "is not trusted",
     .again = 1},
    {.what = "nobody else was let in or shut out",
     .words = "tenmint-ca issuer diff $W/list.yaml $C/issuers.yaml"},
};

#define ROWS(table) table, sizeof(table) / sizeof(table[0])

static const struct drill {
    struct {
        const struct row *row;
        size_t count;
    } part[4];
} drills[REHEARSE_KINDS] = {
    [REHEARSE_ROTATE] = {{{ROWS(begin)}, {ROWS(denials)}, {ROWS(rotate)}, {ROWS(end)}}},
    [REHEARSE_LOG] = {{{ROWS(begin)}, {ROWS(denials)}, {ROWS(logs)}, {ROWS(end)}}},
    [REHEARSE_ISSUER] = {{{ROWS(issuers_begin)}, {ROWS(denials)}, {ROWS(issuers)}, {ROWS(end)}}},
};

/* ---- the way through them ---- */

static bool has(const struct rehearse_live *live, enum only only)
{
    bool ct = live->config->ct.embedded.directory != NULL;
    bool signatures = live->config->signatures.directory != NULL;
    const bool holds[] = {[ALWAYS] = true,
                          [WITH_CT] = ct,
                          [WITHOUT_CT] = !ct,
                          [WITH_SIGNATURES] = signatures,
                          [WITHOUT_SIGNATURES] = !signatures};
    return holds[only];
}

#define SKIPPED 2

/* 0: it ended as it must; 1: otherwise, with `e` saying how; -1: it could not be done; SKIPPED: it
 * need not be, and cannot. In any case `e` holds what was said, if anything. */
static int try_row(struct rehearse_copy *c, const struct row *r, bool first, struct tm_err *e)
{
    char said[REHEARSE_SAID_MAX] = "";
    bool missing = false;
    if ((first && r->first != NULL && r->first(c, e) != 0) ||
        (r->token != REHEARSE_NO_TOKEN && rehearse_token_write(c, r->token, e) != 0))
        return -1;
    if (r->words == NULL)
        return 0;
    int code = rehearse_run(c, r->words, said, &missing, e);
    if (missing && r->optional) {
        tm_err_set(e, "it is not installed here");
        return SKIPPED;
    }
    if (code < 0)
        return -1;
    bool good = code == r->code && (r->text == NULL || strstr(said, r->text) != NULL);
    *e = (struct tm_err){0};
    if (code != 0 || !good)
        tm_err_set(e, "%s", said);
    if (good)
        return 0;
    tm_err_wrap(e, "exit code %d in place of %d%s%s", code, r->code,
                r->text != NULL ? ", for another reason than " : "",
                r->text != NULL ? r->text : "");
    return 1;
}

/* What a running server takes up by itself: the row, and those that it repeats, until it ends as it
 * must. */
static int try_again(struct rehearse_copy *c, const struct row *last, struct tm_err *e)
{
    int64_t until = tm_clock_mono_ms() + PATIENCE_MS;
    int rc = 1;
    while (rc > 0 && tm_clock_mono_ms() < until) {
        (void)poll(NULL, 0, AGAIN_MS);
        rc = 0;
        for (const struct row *r = last + 1 - last->again; r <= last && rc == 0; r++)
            rc = try_row(c, r, false, e);
    }
    return rc;
}

static int run_part(struct rehearse_copy *c, const struct row *row, size_t count,
                    const struct rehearse_live *live)
{
    for (size_t i = 0; i < count; i++) {
        struct tm_err e = {0};
        if (!has(live, row[i].only))
            continue;
        int rc = try_row(c, &row[i], true, &e);
        if (rc == 1 && row[i].again > 0)
            rc = try_again(c, &row[i], &e);
        if ((rc == SKIPPED ? tm_rehearsal_skip(c->out, row[i].what, &e)
                           : tm_rehearsal_step(c->out, row[i].what, rc, &e)) != 0)
            return -1;
    }
    return 0;
}

int rehearse_check(enum rehearse_kind kind, const struct rehearse_live *live, struct tm_err *e)
{
    const struct ca_config *c = live->config;
    if (!ca_config_has_ca(c))
        tm_err_set(e, "'%s' has no CA, for which this is", live->config_file);
    else if (kind == REHEARSE_LOG && !has(live, WITH_CT) && !has(live, WITH_SIGNATURES))
        tm_err_set(e, "'%s' has no log of its own", live->config_file);
    else
        return 0;
    return tm_err_mark(e, ERR_REFUSED);
}

int rehearse_drill(struct rehearse_copy *c, enum rehearse_kind kind,
                   const struct rehearse_live *live)
{
    for (size_t i = 0; i < sizeof(drills[kind].part) / sizeof(drills[kind].part[0]); i++) {
        if (run_part(c, drills[kind].part[i].row, drills[kind].part[i].count, live) != 0)
            return -1;
    }
    return 0;
}
