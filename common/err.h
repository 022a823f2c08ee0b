/*
 * Errors that carry context upwards.
 *
 * A function that can fail returns 0 on success and -1 on failure, and takes
 * a `struct tm_err *` as its last argument. The callee says what went wrong and
 * with which input; each caller may prefix what it was doing, so that the
 * operator reads one line: "load config 'x.yaml': line 3: unknown key 'prot'".
 *
 * Never put a token, a key, a password or a request body in an error.
 */
#pragma once

#define ERR_TEXT_MAX 512

/* What a failure means to a script that must decide. */
enum tm_err_kind {
    ERR_BAD = 0,     /* a check failed, or the work could not be done */
    ERR_UNAVAILABLE, /* it cannot be known: a service is down, a file cannot be read */
    ERR_REFUSED,     /* a configuration, or a folder that is none of ours, is refused */
    ERR_DANGER,      /* a fork, a rollback: somebody may be attacking */
};

struct tm_err {
    char text[ERR_TEXT_MAX]; /* NUL-terminated, printable, "" when unset */
    enum tm_err_kind kind;   /* ERR_BAD unless tm_err_mark said otherwise */
};

/* Replaces the text, cleaned by tm_utf8_clean, and the kind by ERR_BAD. `e` may be NULL. Returns
 * -1. */
int tm_err_set(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prefixes the text with "<fmt>: "; the kind stays. `e` may be NULL. Returns -1. */
int tm_err_wrap(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* tm_err_set with the first error of OpenSSL's queue appended; clears the queue. Returns -1. */
int tm_err_openssl(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts the text into OpenSSL's queue, where tm_err_openssl finds it: for what OpenSSL calls. */
void tm_err_raise(const struct tm_err *e);

/* tm_err_set with strerror(errno) appended. Returns -1. */
int tm_err_errno(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the kind of an error that has its text. `e` may be NULL. Returns -1. */
int tm_err_mark(struct tm_err *e, enum tm_err_kind kind);

/* Nothing but -1 comes back, and whoever compiles or analyzes a caller can see that. */
static inline int err_minus_one(int rc)
{
    (void)rc;
    return -1;
}
#define tm_err_set(e, ...) err_minus_one(tm_err_set(e, __VA_ARGS__))
#define tm_err_wrap(e, ...) err_minus_one(tm_err_wrap(e, __VA_ARGS__))
#define tm_err_openssl(e, ...) err_minus_one(tm_err_openssl(e, __VA_ARGS__))
#define tm_err_errno(e, ...) err_minus_one(tm_err_errno(e, __VA_ARGS__))
#define tm_err_mark(e, kind) err_minus_one(tm_err_mark(e, kind))

/* tm_err_set for who returns a pointer: NULL. */
#define tm_err_null(e, ...) ((void)tm_err_set(e, __VA_ARGS__), NULL)
