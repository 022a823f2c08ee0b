/* The TUF repository in the pack: its metadata, policy and transcript, the ceremonies as a table,
 * and the pages that tenmint-tuf makes of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/file.h"
#include "tools/tenmint-ca/evidence/evidence.h"
#include "tuf/client/client.h"
#include "tuf/manager/evidence/ceremonies.h"
#include "tuf/manager/pages/pages.h"
#include "tuf/manager/state/workspace.h"

#define PUBLISHED "tuf/published"
#define TRANSCRIPT "tuf/transcript.jsonl"
#define CEREMONIES "tables/ceremonies.csv"

/* A row for each signature: who has signed which event, with which key, when, and what came of it.
 */
static void put_ceremony(const struct tuf_ceremony *c, struct tm_buf *out)
{
    char published[21], versions[64], signed_at[21];
    tm_clock_format(c->published, published);
    snprintf(versions, sizeof(versions), "root %" PRId64 ", targets %" PRId64, c->version[TUF_ROOT],
             c->version[TUF_TARGETS]);
    for (size_t i = 0; i < c->count || i == 0; i++) {
        const struct tuf_ceremony_signer *s = i < c->count ? &c->signer[i] : NULL;
        tm_clock_format(s != NULL ? s->time : 0, signed_at);
        const char *const cells[] = {published,
                                     c->event != NULL ? c->event : "",
                                     c->reason != NULL ? c->reason : "",
                                     c->digest != NULL ? c->digest : "",
                                     versions,
                                     s != NULL ? s->holder : "",
                                     s != NULL ? s->fingerprint : "",
                                     s != NULL ? signed_at : ""};
        for (size_t n = 0; n < sizeof(cells) / sizeof(cells[0]); n++)
            tm_csv_field(out, cells[n], n == 0);
        tm_csv_end(out);
    }
}

static void put_ceremonies(const struct tuf_ceremonies *all, struct tm_buf *out,
                           struct evidence_tuf *found)
{
    static const char *const names[] = {"published", "event",  "reason",      "digest",
                                        "versions",  "holder", "fingerprint", "signed"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        tm_csv_field(out, names[i], i == 0);
    tm_csv_end(out);
    found->ceremonies = all->count;
    for (size_t i = 0; i < all->count; i++) {
        put_ceremony(&all->item[i], out);
        found->signatures += all->item[i].count;
    }
}

/* The transcript as the tree bears it out, and its table. */
static int read_ceremonies(const char *transcript, const struct tuf_published *live,
                           struct tm_buf *csv, struct evidence_tuf *out, struct tm_err *e)
{
    struct tuf_ceremonies all = {0};
    struct tuf_evidence evidence;
    int rc = tuf_ceremonies_read(transcript, live, &all, &evidence, e);
    if (rc == 0) {
        put_ceremonies(&all, csv, out);
        out->root_version = tuf_published_root_version(live);
        out->roots = live->root_count;
    }
    tuf_ceremonies_free(&all);
    return rc == 0 && buf_failed(csv) ? tm_err_set(e, "out of memory") : rc;
}

static int write_pages(const struct tuf_workspace *w, const struct tuf_published *live,
                       const char *dir, int64_t now, struct tm_err *e)
{
    struct tuf_status status = {0};
    char made_by[160], report[PATH_MAX];
    snprintf(made_by, sizeof(made_by), "tenmint-ca %s", cli_version);
    const struct tuf_pages p = {.site = "TUF repository",
                                .made_by = made_by,
                                .live = live,
                                .status = &status,
                                .transcript = w->transcript,
                                .now = now};
    int rc = tm_file_join(dir, "tuf/report", report, sizeof(report), e);
    if (rc == 0)
        rc = tuf_status_read(live, now, &status, e);
    if (rc == 0)
        rc = tuf_pages_write(&p, report, e);
    tuf_status_free(&status);
    return rc;
}

static int write_all(const struct tuf_workspace *w, const struct tuf_published *live,
                     const char *dir, int64_t now, struct evidence_tuf *out, struct tm_err *e)
{
    char published[PATH_MAX], table[PATH_MAX];
    struct tm_buf csv = {0};
    int rc = tm_file_join(dir, PUBLISHED, published, sizeof(published), e);
    if (rc == 0)
        rc = evidence_copy(w->published, published, e);
    if (rc == 0)
        rc = evidence_copy_into(w->transcript, dir, TRANSCRIPT, e);
    if (rc == 0)
        rc = evidence_copy_into(w->policy_file, dir, "tuf/policy.yaml", e);
    if (rc == 0)
        rc = read_ceremonies(w->transcript, live, &csv, out, e);
    if (rc == 0)
        rc = tm_file_join(dir, CEREMONIES, table, sizeof(table), e);
    if (rc == 0)
        rc = tm_file_write_passing(table, 0644, csv.data, csv.len, e);
    tm_buf_free(&csv);
    return rc == 0 ? write_pages(w, live, dir, now, e) : -1;
}

int evidence_tuf_write(const char *workspace, const char *dir, int64_t now,
                       struct evidence_tuf *out, struct tm_err *e)
{
    struct tuf_workspace w;
    struct tuf_published live;
    *out = (struct evidence_tuf){0};
    if (tuf_workspace_open(workspace, &w, e) != 0)
        return -1;
    int rc = tuf_workspace_published(&w, &live, e);
    if (rc == 0) {
        rc = write_all(&w, &live, dir, now, out, e);
        tuf_published_free(&live);
    }
    tuf_workspace_close(&w);
    return rc == 0 ? 0 : tm_err_wrap(e, "TUF workspace '%s'", workspace);
}

/* ---- checking ---- */

/* As a client that has `root` would come to the pack's tree at the time when it was made. */
static int refresh(const char *published, const char *root, int64_t now, struct tm_err *e)
{
    char cache[] = "/tmp/tenmint-evidence.XXXXXX";
    struct tm_buf bytes = {0};
    struct tuf_client *c = NULL;
    if (tm_file_read(root, TUF_ROOT_BYTES_MAX, &bytes, e) != 0)
        return -1;
    int rc = mkdtemp(cache) != NULL ? 0 : tm_err_errno(e, "make a folder in /tmp");
    if (rc == 0) {
        const struct tuf_client_options o = {.dir = cache,
                                             .root = bytes.data,
                                             .root_len = bytes.len,
                                             .metadata_urls = &published,
                                             .metadata_url_count = 1,
                                             .now = now,
                                             .passing = true};
        c = tuf_client_open(&o, e);
        rc = c != NULL ? tuf_client_refresh(c, e) : -1;
        tuf_client_close(c);
        (void)tm_file_remove_tree(cache, NULL);
    }
    tm_buf_free(&bytes);
    return rc;
}

int evidence_tuf_check(const char *dir, const char *root, int64_t now, struct evidence_tuf *out,
                       struct tm_err *e)
{
    char published[PATH_MAX], transcript[PATH_MAX];
    struct tuf_published live;
    struct tm_buf csv = {0};
    *out = (struct evidence_tuf){0};
    if (tm_file_join(dir, PUBLISHED, published, sizeof(published), e) != 0 ||
        tm_file_join(dir, TRANSCRIPT, transcript, sizeof(transcript), e) != 0 ||
        refresh(published, root, now, e) != 0 || tuf_published_look(published, &live, e) != 0)
        return tm_err_wrap(e, "TUF repository");
    int rc = read_ceremonies(transcript, &live, &csv, out, e);
    if (rc == 0)
        rc = evidence_compare(dir, CEREMONIES, &csv, "what the transcript says", e);
    tm_buf_free(&csv);
    tuf_published_free(&live);
    return rc == 0 ? 0 : tm_err_wrap(e, "TUF repository");
}
