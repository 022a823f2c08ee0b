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
#ifndef TENMINT_COMMON_ERR_H
#define TENMINT_COMMON_ERR_H

#define ERR_TEXT_MAX 512

struct tm_err {
    char text[ERR_TEXT_MAX]; /* NUL-terminated, printable, "" when unset */
};

/* Replaces the text, cleaned by tm_utf8_clean. `e` may be NULL. Returns -1. */
int tm_err_set(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prefixes the text with "<fmt>: ". `e` may be NULL. Returns -1. */
int tm_err_wrap(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* tm_err_set with the first error of OpenSSL's queue appended; clears the queue. Returns -1. */
int tm_err_openssl(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* tm_err_set with strerror(errno) appended. Returns -1. */
int tm_err_errno(struct tm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

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

#endif
