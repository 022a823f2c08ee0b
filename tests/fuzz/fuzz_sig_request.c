/* Requests to the log of signatures: what is judged good has a canonical text. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/signatures/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const struct tm_buf *text)
{
    json_t *v = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
    char *sorted = json_dumps(v, JSON_SORT_KEYS | JSON_COMPACT);
    must(sorted != NULL && strlen(sorted) == text->len &&
         memcmp(sorted, text->data, text->len) == 0);
    free(sorted);
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ca_sig_algorithms *algorithms; /* as a server has them: made once */
    struct ca_sig_request r;
    struct ca_sig_judgement j;
    struct tm_err e = {0};
    struct tm_buf text = {0};
    if (algorithms == NULL)
        algorithms = ca_sig_algorithms_new(&e);
    must(algorithms != NULL);
    if (ca_sig_request_read((const char *)data, size, &r, &e) != 0 ||
        ca_sig_entry_judge(algorithms, &r, &j, &e) != 0) {
        must(e.text[0] != '\0');
    } else {
        must(ca_sig_entry_write(&r, &j, &text, &e) == 0);
        check_text(&text);
    }
    tm_buf_free(&text);
    ca_sig_request_free(&r);
    return 0;
}
