#include "tools/tenmint/would_verify.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint/scts.h"
#include "tuf/verify/bundle/verify.h"

static int judge(struct tuf_verify_job *job, struct tm_err *e)
{
    struct tuf_report *r = calloc(1, sizeof(*r)); /* too large for the stack */
    if (r == NULL)
        return tm_err_set(e, "out of memory");
    int rc = tuf_verify_run(job, r);
    const struct tuf_report_check *bad = tuf_report_first_failure(r);
    if (rc != 0)
        tm_err_set(e, "not written, as it would not verify: %s: %s",
                   bad != NULL ? bad->name : "report", bad != NULL ? bad->detail : "too long");
    free(r);
    return rc;
}

int would_verify(const struct tuf_trusted_root *root, const struct tuf_bundle *bundle,
                 const struct tuf_artifact *artifact, const char *sct, struct tm_err *e)
{
    struct tm_buf detached = {0};
    struct tuf_verify_job job = {.root = root,
                                 .bundle = bundle,
                                 .artifact = artifact,
                                 .artifact_waived = artifact == NULL,
                                 .detached_scts = &detached,
                                 .scts = tuf_trusted_root_count(root, TRUST_CTLOG) > 0,
                                 .tlogs_by_time = true,
                                 .now_ms = tm_clock_wall_ms()};
    int rc = 0;
    if (sct != NULL && tm_file_stamp(sct).ino != 0)
        rc = scts_read_detached(sct, &detached, e);
    if (rc == 0)
        rc = judge(&job, e);
    tm_buf_free(&detached);
    return rc;
}
