/* A stranger's answer, read as each of those that are asked for: the first byte says which. What is
 * refused leaves nothing behind, and says why. */
#include <stdint.h>
#include <stdlib.h>

#include "tuf/manager/services/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(int rc, bool empty, const struct tm_err *e)
{
    if (rc != 0 && (!empty || e->text[0] == '\0'))
        abort();
}

static void read_chains(int rc, struct tuf_chains *c, const struct tm_err *e)
{
    judge(rc, c->count == 0, e);
    if (rc == 0 && (c->count == 0 || c->count > TUF_CHAINS_MAX))
        abort();
    tuf_chains_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct tuf_chains chains = {0};
    STACK_OF(X509) *roots = NULL;
    size_t count = 0;
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size--;
    switch (data[0]) {
    case 'b':
        read_chains(tuf_answer_trust_bundle(text, size, &chains, &e), &chains, &e);
        break;
    case 'i':
        judge(tuf_answer_issuers(text, size, &count, &e), true, &e);
        break;
    case 'h':
        judge(tuf_answer_tree_head(text, size, &out, &e), out.len == 0, &e);
        break;
    case 'k':
        judge(tuf_answer_log_key(text, size, &out, &e), out.len == 0, &e);
        break;
    case 'r':
        judge(tuf_answer_roots(text, size, &roots, &e), roots == NULL, &e);
        break;
    default:
        read_chains(tuf_answer_pem(text, size, &chains, &e), &chains, &e);
    }
    sk_X509_pop_free(roots, X509_free);
    tm_buf_free(&out);
    return 0;
}
