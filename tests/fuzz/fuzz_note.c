#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses as a checkpoint must come out again as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_note_key k;
    struct tm_checkpoint c;
    if (tm_note_vkey_parse((const char *)data, size, &k, &e) == 0)
        EVP_PKEY_free(k.key);
    if (tm_note_parse(data, size, &n, &e) != 0)
        return 0;
    if (tm_checkpoint_parse(&n, &c, &e) == 0 && !c.extended) {
        struct tm_buf text = {0};
        tm_checkpoint_text(&c, &text);
        if (text.len != n.text_len || memcmp(text.data, n.text, text.len) != 0)
            abort();
        tm_buf_free(&text);
    }
    static const char vkey[] =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    if (tm_note_vkey_parse(vkey, sizeof(vkey) - 1, &k, &e) != 0)
        abort();
    (void)tm_note_verify(&n, &k, NULL, &e);
    EVP_PKEY_free(k.key);
    tm_note_free(&n);
    return 0;
}
