/* What a log answers to add-chain and add-pre-chain: what is taken is one SCT and no more, and what
 * is refused leaves nothing behind. */
#include <stdlib.h>
#include <string.h>

#include "ca/ct/answer.h"
#include "common/transparency/sct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_buf out = {0};
    struct tm_buf again = {0};
    struct tm_sct s;
    struct tm_err e;
    tm_buf_puts(&out, "kept");
    if (ca_ct_answer_parse(data, size, &out, &e) == 0) {
        if (tm_sct_parse(out.data + 4, out.len - 4, &s, &e) != 0)
            abort();
        tm_sct_put(&s, &again);
        if (again.len != out.len - 4 || memcmp(again.data, out.data + 4, again.len) != 0)
            abort();
    } else if (out.len != 4) {
        abort();
    }
    if (memcmp(out.data, "kept", 4) != 0)
        abort();
    tm_buf_free(&again);
    tm_buf_free(&out);
    return 0;
}
