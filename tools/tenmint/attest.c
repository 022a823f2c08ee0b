#include "tools/tenmint/attest.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tuf/verify/bundle/statement.h"

#define PREDICATE_MAX ((size_t)16 << 20)

int attest_statement(const char *type, const char *file, char **subjects, size_t count,
                     struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf predicate = {0};
    struct tuf_artifact *artifact = calloc(count + 1, sizeof(*artifact));
    struct tuf_subject *subject = calloc(count + 1, sizeof(*subject));
    int rc = artifact != NULL && subject != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *slash = strrchr(subjects[i], '/');
        rc = tuf_artifact_open(subjects[i], false, &artifact[i], e);
        subject[i] = (struct tuf_subject){slash != NULL ? slash + 1 : subjects[i], &artifact[i]};
    }
    if (rc == 0)
        rc = tm_file_read_text(file, PREDICATE_MAX, &predicate, e);
    if (rc == 0 &&
        tuf_statement_make(type, predicate.data, predicate.len, subject, count, out, e) != 0)
        rc = tm_err_wrap(e, "'%s'", file);
    for (size_t i = 0; i < count && artifact != NULL; i++)
        tuf_artifact_free(&artifact[i]);
    free(artifact);
    free(subject);
    tm_buf_free(&predicate);
    return rc;
}
