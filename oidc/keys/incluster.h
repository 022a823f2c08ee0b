/*
 * The issuer of the Kubernetes cluster that this process runs in: its API server answers
 * discovery to service accounts only, under the cluster's own CA.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "oidc/trust/trust.h"

/* What Fulcio reads (pkg/config/config.go). */
#define INCLUSTER_CA_FILE "/var/run/fulcio/ca.crt"
#define INCLUSTER_TOKEN_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"

/* An exact issuer of type kubernetes at kubernetes.default.svc, with or without the cluster's
 * domain, or on loopback. Fulcio sends the account's token to every exact issuer of the type;
 * that would show it to other clusters and cloud providers. */
bool oidc_incluster_is(const struct oidc_issuer *issuer);

/* A file's content, read anew each time since the kubelet rotates it; empty when there is no
 * file. -1: it cannot be read, or a token is not one line of visible ASCII. */
int oidc_incluster_ca(const char *path, struct tm_buf *out, struct tm_err *e);
int oidc_incluster_token(const char *path, struct tm_buf *out,
                         struct tm_err *e); /* tm_buf_free_secret it */
