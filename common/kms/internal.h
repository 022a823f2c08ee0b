/* What the files of common/kms share. */
#pragma once

#include <pthread.h>

#include "common/fetch/fetch.h"
#include "common/json/jsonmap.h"
#include "common/kms/kms.h"

#define KMS_ANSWER_MAX ((size_t)64 << 10) /* bytes */
#define KMS_HEADERS_MAX 6
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

struct tm_kms_login {     /* a credential in force; wiped when it is freed */
    struct tm_buf id;     /* AWS: the access key's id */
    struct tm_buf secret; /* AWS: the access key */
    struct tm_buf token;  /* AWS: of the session, or empty; else the bearer's */
    int64_t ends_s;       /* Unix seconds; 0: not known */
};
void tm_kms_login_free(struct tm_kms_login *l);

struct tm_kms_request {
    struct tm_buf url;
    struct tm_buf body; /* with `post` */
    bool post, put;
    bool metadata; /* to a fixed address of the machine's own cloud, which speaks plain HTTP */
    bool direct; /* through no proxy: the credentials are the machine's, and no other's business */
    struct tm_buf header[KMS_HEADERS_MAX];
    size_t headers;
    char sigv4[96];                    /* "": not signed so */
    const struct tm_kms_login *signer; /* with `sigv4` */
};
/* Adds "NAME: VALUE"; `value` must hold no line break. */
void tm_kms_header(struct tm_kms_request *r, const char *name, const char *value);
void tm_kms_bearer(struct tm_kms_request *r, const struct tm_kms_login *l); /* Authorization */
int tm_kms_request_check(const struct tm_kms_request *r, struct tm_err *e);
void tm_kms_request_free(struct tm_kms_request *r);

enum tm_kms_verdict { KMS_FAIL, KMS_AGAIN, KMS_LOGIN /* with a new credential */ };

struct tm_kms_fault { /* a row of what a service answers when it does not do it; the last is zeros
                       */
    long status;      /* 0: any */
    const char *code; /* NULL: any */
    enum tm_kms_verdict verdict;
    const char *remedy;
};

struct tm_kms_service { /* static */
    /* Fills name, base, … of `k` from the URI and the environment. */
    int (*configure)(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e);
    /* Asks for a credential; waits. */
    int (*login)(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e);
    int (*ask_public)(const struct tm_kms *k, const struct tm_kms_login *l,
                      struct tm_kms_request *r, struct tm_err *e);
    EVP_PKEY *(*read_public)(struct tm_kms *k, const struct tm_buf *body, struct tm_err *e);
    int (*ask_sign)(const struct tm_kms *k, const struct tm_kms_login *l,
                    const struct tm_key_ask *a, struct tm_kms_request *r, struct tm_err *e);
    int (*read_sign)(const struct tm_kms *k, const struct tm_key_ask *a, const struct tm_buf *body,
                     struct tm_buf *sig, struct tm_err *e);
    /* The service's own code and words of a failure; "" what it does not say. */
    void (*read_fault)(const struct tm_buf *body, char code[64], char words[200]);
    const struct tm_kms_fault *faults;
    void (*files)(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path), void *ctx);
};
extern const struct tm_kms_service tm_kms_aws, tm_kms_vault, tm_kms_gcp, tm_kms_azure;

struct tm_kms {
    const struct tm_kms_service *service;
    enum tm_key_uri_kind kind;
    /* By `configure`; owned, NULL: has none. */
    char *name;    /* the key, as requests spell it */
    char *base;    /* https://HOST, without a slash at its end */
    char *region;  /* AWS */
    char *profile; /* AWS */
    char *mount;   /* Vault: of Transit */
    char *tenant;  /* Vault: its namespace; Azure: what tokens are for */
    struct tm_key_uri uri;
    char *ca_pem; /* further CAs */
    /* By read_public, before signatures. */
    char *version;   /* which version signs (AWS: which key an alias names); NULL: the name says */
    char *algorithm; /* GCP: the only one that this version makes */
    EVP_PKEY *public;
    unsigned tries_max;

    /* When who waits for the service gives up: its own, who opens the key and then the keeper. */
    int64_t until_ms;
    struct tm_fetch_pool *pool;
    pthread_t keeper;
    bool kept;            /* the keeper runs */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;  /* the keeper */
    struct tm_kms_login login;
    bool has_login, stale, stop;
    int64_t tried_ms; /* when a login was last tried */
    bool away;
    int64_t probe_ms;          /* when the keeper looks again */
    bool probing;              /* its look is under way */
    struct tm_key_ask pattern; /* of what it then signs, by the last that was asked */
    struct tm_err why;
    void (*changed)(void *ctx, bool away, const struct tm_err *why);
    void *changed_ctx;
};

/* login.c: a credential in force, or -1; and its renewal from then on */
int tm_kms_login_first(struct tm_kms *k, struct tm_err *e);
int tm_kms_login_keep(struct tm_kms *k, struct tm_err *e);
void tm_kms_login_stop(struct tm_kms *k);

/* sign.c: looks whether the service signs again; the answer changes `away` */
void tm_kms_probe(struct tm_kms *k);

/* request.c */
/* The request as fetch takes it, in `out` and `list`: both borrow from `r`. */
void tm_kms_fetch_form(const struct tm_kms *k, const struct tm_kms_request *r,
                       struct tm_fetch_request *out, const char *list[KMS_HEADERS_MAX + 1]);
/* What became of an answer that is no success: why, in `e`. */
enum tm_kms_verdict tm_kms_judge(const struct tm_kms *k, int rc, const struct tm_fetch_response *r,
                                 struct tm_err *e);
/* Sends and waits, until `k->until_ms` at most: the body of a 200. */
int tm_kms_run(struct tm_kms *k, const struct tm_kms_request *r, struct tm_buf *body,
               struct tm_err *e);

/* place.c: what the environment and files say */
const char *tm_kms_env(const char *name); /* NULL when it is not set or empty */
/* `file` below the home folder, into `out`; -1 when there is none. */
int tm_kms_home(const char *file, char *out, size_t size);
/* A secret of a file, without the line end. */
int tm_kms_read_file(const char *path, struct tm_buf *out, struct tm_err *e);
/* Refuses an answer that says it is of another thing than what was asked for: `said` is not
 * `asked`. What the service does not say (NULL) or was not asked for (NULL) is right. The letters'
 * case counts for no service. */
int tm_kms_answers(const char *what, const char *said, const char *asked, struct tm_err *e);
/* Only letters, digits and _ . - / : and no part that is "." or "..". */
int tm_kms_check_name(const char *name, struct tm_err *e);
/* A copy of a URL that ends in no slash, checked. NULL with `e` set. */
char *tm_kms_base(const char *url, struct tm_err *e);
void tm_kms_put_escaped(struct tm_buf *out, const void *text, size_t len); /* %XX, for forms */

/* oauth.c: {"access_token":…,"expires_in":…} */
int tm_kms_oauth(struct tm_kms *k, const struct tm_kms_request *r, struct tm_kms_login *out,
                 struct tm_err *e);

/* {"error":…,"error_description":…} (RFC 6749 §5.2), or {"error":{"code" or
 * "status":…,"message":…}} as Azure and Google refuse; "" what it does not say */
void tm_kms_oauth_fault(const struct tm_buf *body, char code[64], char words[200]);

/* key.c */
EVP_PKEY *tm_kms_key_der(const struct tm_buf *der, struct tm_err *e);
EVP_PKEY *tm_kms_key_pem(const char *pem, struct tm_err *e);
/* Whether `sig` is the signature that was asked for. Who uses it looks again (tm_key_elsewhere):
 * here it settles whether the service makes signatures at all. */
int tm_kms_verify(EVP_PKEY *public, const struct tm_key_ask *a, const struct tm_buf *sig,
                  struct tm_err *e);
