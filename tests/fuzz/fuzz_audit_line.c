/* Lines of the audit trail: a record that is read is written as it would be hashed, and read again
 * as the same; and a head likewise. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/heads.h"
#include "ca/audit/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_line(const uint8_t *data, size_t size)
{
    struct tm_buf first = {0};
    struct tm_buf second = {0};
    struct ca_audit_line *l = ca_audit_line_read(data, size, NULL);
    if (l == NULL)
        return;
    ca_audit_canonical(ca_audit_line_record(l), &first);
    ca_audit_line_free(l);
    l = ca_audit_line_read(first.data, first.len, NULL);
    if (l == NULL)
        abort();
    ca_audit_canonical(ca_audit_line_record(l), &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    ca_audit_line_free(l);
    tm_buf_free(&first);
    tm_buf_free(&second);
}

static void try_head(const uint8_t *data, size_t size)
{
    struct ca_audit_head head;
    struct ca_audit_head again;
    struct tm_buf text = {0};
    if (ca_audit_head_read(data, size, &head, NULL) != 0)
        return;
    ca_audit_head_put(&head, &text);
    if (ca_audit_head_read(text.data, text.len, &again, NULL) != 0 || again.seq != head.seq ||
        again.time_ms != head.time_ms || memcmp(&again.hash, &head.hash, sizeof(head.hash)) != 0)
        abort();
    tm_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_line(data, size);
    try_head(data, size);
    return 0;
}
