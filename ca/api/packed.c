#include "ca/api/packed.h"

#include <string.h>

#include "common/ipc/form.h"

#define PART_MAX ((size_t)8 << 20) /* a request body may be configured to be as large */

struct packed {
    const char *refused; /* NULL: it was read, and the rest counts */
    const char *token;
    uint64_t has_csr, has_key;
    struct tm_ipc_bytes csr, key, proof;
};

static const struct tm_ipc_field fields[] = {
    TM_IPC_FIELD(struct packed, refused, IPC_TEXT, ERR_TEXT_MAX),
    TM_IPC_FIELD(struct packed, token, IPC_TEXT, PART_MAX),
    TM_IPC_FIELD(struct packed, has_csr, IPC_U64, 0),
    TM_IPC_FIELD(struct packed, has_key, IPC_U64, 0),
    TM_IPC_FIELD(struct packed, csr, IPC_BYTES, PART_MAX),
    TM_IPC_FIELD(struct packed, key, IPC_BYTES, PART_MAX),
    TM_IPC_FIELD(struct packed, proof, IPC_BYTES, PART_MAX),
};
static const struct tm_ipc_form form = TM_IPC_FORM(struct packed, fields);

int ca_api_packed_put(ca_api_request_parse_fn *parse, const void *json, size_t len,
                      struct tm_buf *out)
{
    struct ca_api_request r = {0};
    struct tm_err e = {0};
    struct packed p = {0};
    if (parse(json, len, &r, &e) != 0)
        p.refused = e.text;
    else
        p = (struct packed){.token = r.token,
                            .has_csr = r.has_csr,
                            .has_key = r.has_key,
                            .csr = {r.csr.data, r.csr.len},
                            .key = {r.key.data, r.key.len},
                            .proof = {r.proof.data, r.proof.len}};
    int rc = tm_ipc_form_put(&form, &p, out, NULL);
    ca_api_request_free(&r);
    return rc;
}

int ca_api_packed_take(const void *packed, size_t len, struct ca_api_request *out, struct tm_err *e)
{
    struct packed p;
    *out = (struct ca_api_request){0};
    if (tm_ipc_form_take(&form, packed, len, -1, &p, e) != 0)
        return -1;
    if (p.refused != NULL)
        return tm_err_set(e, "%s", p.refused);
    out->token = p.token;
    out->token_len = p.token != NULL ? strlen(p.token) : 0;
    out->has_csr = p.has_csr != 0;
    out->has_key = p.has_key != 0;
    tm_buf_append(&out->csr, p.csr.data, p.csr.len);
    tm_buf_append(&out->key, p.key.data, p.key.len);
    tm_buf_append(&out->proof, p.proof.data, p.proof.len);
    if (buf_failed(&out->csr) || buf_failed(&out->key) || buf_failed(&out->proof))
        return tm_err_set(e, "out of memory");
    return 0;
}
