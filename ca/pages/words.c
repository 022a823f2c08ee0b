#include "ca/pages/words.h"

#include "common/hex.h"

void ca_words_names(struct tm_html *h, const struct ca_certificate *c)
{
    struct ca_cert_text name;
    enum ca_certificate_name_kind kind;
    size_t at = 0;
    for (bool first = true; ca_certificate_next_name(c, &at, &kind, &name) > 0; first = false) {
        if (!first)
            tm_html_text(h, ", ");
        tm_html_bytes(h, name.p, name.len);
    }
}

void ca_words_repository(struct tm_html *h, const struct ca_certificate *c)
{
    const struct ca_cert_text *t = &c->identity[IDENTITY_SOURCE_URI];
    if (t->p == NULL)
        t = &c->identity[IDENTITY_GITHUB_REPOSITORY];
    if (t->p != NULL)
        tm_html_bytes(h, t->p, t->len);
}

void ca_words_identity(struct tm_html *h, const struct ca_certificate *c)
{
    tm_html_fact_begin(h, "Identity");
    tm_html_open(h, "strong");
    ca_words_names(h, c);
    tm_html_close(h);
    tm_html_fact_end(h);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        if (c->identity[i].p != NULL)
            tm_html_fact_bytes(h, tm_identity_table[i].label, c->identity[i].p, c->identity[i].len);
    }
}

void ca_words_hex(struct tm_html *h, const char *term, const void *p, size_t len)
{
    struct tm_buf b = {0};
    char *hex = (char *)tm_buf_reserve(&b, 2 * len + 1);
    if (hex != NULL) {
        tm_hex_encode(p, len, hex);
        tm_html_fact_code(h, term, hex);
    }
    h->out.failed |= hex == NULL;
    tm_buf_free(&b);
}

void ca_words_certificate(struct tm_html *h, const struct ca_certificate *c)
{
    ca_words_hex(h, "Serial number", c->serial.p, c->serial.len);
    tm_html_fact_time(h, "Valid from", c->not_before);
    tm_html_fact_time(h, "Valid to", c->not_after);
}
