/*
 * rehearse: a rotation done whole, by the commands that an operator types, on a copy of the CA with
 * throwaway keys; our own client (and cosign, where it is installed) signs and verifies against it.
 * A drill is a table of rows: a command line, and how it must end. Nothing of the live CA is
 * written but its record (common/rehearsal.h).
 */
#pragma once

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ca/config/config.h"
#include "common/rehearsal.h"

enum rehearse_kind { REHEARSE_ROTATE, REHEARSE_LOG, REHEARSE_ISSUER, REHEARSE_KINDS };
extern const char *const rehearse_names[REHEARSE_KINDS];

enum rehearse_token {                     /* of the drill's own issuer */
                      REHEARSE_NO_TOKEN,  /* the command needs none */
                      REHEARSE_GOOD,      /* as the issuer would give it */
                      REHEARSE_RELEASE,   /* the same, of a job whose subject begins with "release-"
                                           */
                      REHEARSE_OTHER_KEY, /* signed by a key that the issuer never had */
                      REHEARSE_RETIRED_KEY, /* … by one that it had before the present one */
                      REHEARSE_UNSIGNED,    /* "alg": "none" */
                      REHEARSE_OTHER_AUDIENCE,
                      REHEARSE_EXPIRED,
};

#define REHEARSE_ISSUER_URL "https://rehearsal.invalid" /* RFC 2606: nobody can be asked there */
#define REHEARSE_IDENTITY "rehearsal@rehearsal.invalid"
#define REHEARSE_SAID_MAX 300

struct rehearse_copy {
    char dir[PATH_MAX]; /* 0700, with all that the drill makes; removed at the end */
    int lock;           /* its descriptor: a folder that nobody holds is a killed run's */
    char url[64];       /* of the copy's services */
    int listener;       /* their socket, which outlives each server */
    pid_t server;       /* 0: none runs */
    int signals;        /* SIGINT and SIGTERM, which end the drill in order */
    EVP_PKEY *issuer, *retired_issuer, *stranger; /* who sign tokens */
    char fingerprint[65]; /* of the first CA certificate: what names it in the trusted root */
    struct tm_rehearsal *out;
};

/* The live CA, as its configuration has it. */
struct rehearse_live { /* borrowed */
    const char *config_file;
    const struct ca_config *config;
};

/* ---- the copy (rehearse_copy.c) ---- */

/* Makes it in a new folder of `work`, after removing what killed runs left there. `with_list`: it
 * has the live issuer list, none of which is asked or let in; else only the drill's own issuer. -1:
 * nothing is left. */
int rehearse_copy_open(const struct rehearse_live *live, const char *work, bool with_list,
                       struct rehearse_copy *c, struct tm_err *e);
void rehearse_copy_close(struct rehearse_copy *c);

/* A file of the copy to another, by names below its folder. */
int rehearse_copy_file(const struct rehearse_copy *c, const char *from, const char *to,
                       struct tm_err *e);
/* The file with one character of the artifact's signature changed, as "damaged.json". */
int rehearse_damage(struct rehearse_copy *c, struct tm_err *e);

/* SHA-256 of what the drill must not touch: configuration, list, chains. */
int rehearse_live_digest(const struct rehearse_live *live, char out[65], struct tm_err *e);

/* ---- tokens (rehearse_token.c) ---- */

/* Writes the token to the copy's file "token". */
int rehearse_token_write(const struct rehearse_copy *c, enum rehearse_token which,
                         struct tm_err *e);
/* A new key for the issuer, and its key set for the server; the one before is retired. */
int rehearse_issuer_key(struct rehearse_copy *c, struct tm_err *e);

/* ---- programs (rehearse_run.c) ---- */

/*
 * Runs a command line: words between blanks, a '$' and a letter for a place of the copy (see the
 * table there). Its programs are those beside this one, else on the PATH. The exit code; `said`:
 * the last line that it wrote. -1: it could not be run (*missing: there is no such program), took
 * over two minutes, the copy's server ended meanwhile, or somebody interrupts the drill.
 */
int rehearse_run(struct rehearse_copy *c, const char *words, char said[REHEARSE_SAID_MAX],
                 bool *missing, struct tm_err *e);

/* Before the first: signals are read from c->signals from now on. */
int rehearse_run_begin(struct rehearse_copy *c, struct tm_err *e);

int rehearse_server_start(struct rehearse_copy *c, struct tm_err *e);
int rehearse_server_reload(struct rehearse_copy *c, struct tm_err *e);
void rehearse_server_stop(struct rehearse_copy *c);

/* ---- drills (rehearse_drill.c) ---- */

/* Whether the live CA has what is rehearsed. -1 with `e` set, refused. */
int rehearse_check(enum rehearse_kind kind, const struct rehearse_live *live, struct tm_err *e);
/* Notes each step in c->out, up to the first that is not as it should be: -1. */
int rehearse_drill(struct rehearse_copy *c, enum rehearse_kind kind,
                   const struct rehearse_live *live);
