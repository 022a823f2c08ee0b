/*
 * One JSON Web Key (RFC 7517), decoded once into what verification needs.
 */
#pragma once

#include <jansson.h>
#include <openssl/evp.h>

#include "common/err.h"
#include "oidc/token/alg.h"

struct oidc_jwk {
    char *kid;                       /* owned; NULL when the key has none */
    EVP_PKEY *key;                   /* owned */
    char *pem;                       /* owned; for libjwt, which takes a PEM key at each call */
    EVP_MD_CTX *prepared[ALG_COUNT]; /* owned; per algorithm the key may be used with, else NULL */
};

/* 0: usable; 1: a kind of key that is not for us (other kty or curve, use "enc", symmetric); -1:
 * damaged, weak (RSA below 2048 bits, point off the curve) or with its private half. Nothing to
 * free unless 0; `e` says which key and why.
 * Members that decide nothing may be anything; those that do are of their type. */
int oidc_jwk_parse(const json_t *json, struct oidc_jwk *out, struct tm_err *e);
void oidc_jwk_free(struct oidc_jwk *k);
