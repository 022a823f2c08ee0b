#include "ca/log/witness/request.h"

#include <inttypes.h>
#include <string.h>

#include "common/b64.h"

int ca_witness_size_parse(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    if (v > INT64_MAX)
        return -1;
    *out = v;
    return 0;
}

/* The line at *p, without its newline; moves past it. */
static int take_line(const char **p, size_t *left, const char **line, size_t *len)
{
    const char *end = memchr(*p, '\n', *left);
    if (end == NULL)
        return -1;
    *line = *p;
    *len = (size_t)(end - *p);
    *left -= *len + 1;
    *p = end + 1;
    return 0;
}

static int take_hash(const char *line, size_t len, struct tm_merkle_hash *out)
{
    struct tm_buf b = {0};
    int rc = tm_b64_decode(B64_STD, line, len, &b) == 0 && b.len == MERKLE_HASH ? 0 : -1;
    if (rc == 0)
        memcpy(out->b, b.data, MERKLE_HASH);
    tm_buf_free(&b);
    return rc;
}

int ca_witness_request_parse(const void *body, size_t len, struct ca_witness_request *out,
                             struct tm_err *e)
{
    static const char old[] = "old ";
    const char *p = body;
    const char *line;
    size_t n;
    *out = (struct ca_witness_request){0};
    if (len > WITNESS_REQUEST_MAX)
        return tm_err_set(e, "the request is too long");
    if (take_line(&p, &len, &line, &n) != 0 || n < sizeof(old) ||
        memcmp(line, old, sizeof(old) - 1) != 0 ||
        ca_witness_size_parse(line + sizeof(old) - 1, n - (sizeof(old) - 1), &out->old_size) != 0)
        return tm_err_set(e, "the first line is not 'old SIZE'");
    for (;;) {
        if (take_line(&p, &len, &line, &n) != 0)
            return tm_err_set(e, "there is no empty line after the proof");
        if (n == 0)
            break;
        if (out->count == WITNESS_PROOF_MAX)
            return tm_err_set(e, "the proof has more than %d hashes", WITNESS_PROOF_MAX);
        if (take_hash(line, n, &out->proof[out->count++]) != 0)
            return tm_err_set(e, "line %zu of the proof is not a hash in base64", out->count);
    }
    out->note = p;
    out->note_len = len;
    return len > 0 ? 0 : tm_err_set(e, "there is no checkpoint");
}

void ca_witness_request_put(const struct ca_witness_request *r, struct tm_buf *out)
{
    tm_buf_printf(out, "old %" PRIu64 "\n", r->old_size);
    for (size_t i = 0; i < r->count; i++) {
        tm_b64_encode(B64_STD, r->proof[i].b, MERKLE_HASH, out);
        buf_putc(out, '\n');
    }
    buf_putc(out, '\n');
    tm_buf_append(out, r->note, r->note_len);
}
