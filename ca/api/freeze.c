#include "ca/api/freeze.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json/jsonfile.h"
#include "common/promtext.h"

#define FILE_MAX ((size_t)512 * 1024)

static const struct tm_jsonmap_member entry_members[] = {
    JSONMAP_ROW(struct ca_freeze_entry, "issuer", issuer, TEXT, .max = 2048),
    JSONMAP_NEED(struct ca_freeze_entry, "reason", reason, TEXT, .min = 1,
                 .max = CA_FREEZE_REASON_MAX),
    JSONMAP_ROW(struct ca_freeze_entry, "by", by, TEXT, .max = 256),
    JSONMAP_ROW(struct ca_freeze_entry, "since", since, INTEGER),
    {0}};
static const struct tm_jsonmap entry_map = {
    .members = entry_members, .size = sizeof(struct ca_freeze_entry), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each = {.kind = JSONMAP_OBJECT, .map = &entry_map};
static const struct tm_jsonmap_member list_members[] = {{.name = "stopped",
                                                         .place = 0, /* the list is the struct */
                                                         .kind = JSONMAP_LIST,
                                                         .each = &each,
                                                         .size = sizeof(struct ca_freeze_entry),
                                                         .max = CA_FREEZE_ENTRIES_MAX,
                                                         .flags = JSONMAP_REQUIRED},
                                                        {0}};
static const struct tm_jsonmap list_map = {
    .members = list_members, .size = sizeof(struct ca_freeze_list), .unknown = JSONMAP_REFUSE};

/* ---- the file ---- */

int ca_freeze_read(const char *path, struct ca_freeze_list *out, struct tm_err *e)
{
    *out = (struct ca_freeze_list){0};
    return tm_jsonfile_read(path, FILE_MAX, &list_map, out, e) < 0 ? -1 : 0;
}

int ca_freeze_put(const struct ca_freeze_list *list, struct tm_buf *out, struct tm_err *e)
{
    return tm_jsonfile_put(&list_map, list, out, e);
}

int ca_freeze_write(const char *path, const struct ca_freeze_list *list, struct tm_err *e)
{
    if (list->count == 0)
        return unlink(path) == 0 || errno == ENOENT ? 0 : tm_err_errno(e, "remove '%s'", path);
    return tm_jsonfile_write(path, 0644, &list_map, list, e); /* for all users of the server's */
}

void ca_freeze_free_list(struct ca_freeze_list *list)
{
    tm_jsonmap_free(&list_map, list);
}

size_t ca_freeze_at(const struct ca_freeze_list *list, const char *issuer)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *at = list->entry[i].issuer;
        if (at == NULL || issuer == NULL ? at == issuer : strcmp(at, issuer) == 0)
            return i;
    }
    return list->count;
}

/* ---- as the server knows it ---- */

struct ca_freeze {
    const char *path;
    struct tm_jlog *log;
    atomic_llong looked_ms;
    atomic_bool any; /* something is stopped, or is being read: the lock is worth taking */
    pthread_mutex_t lock;
    struct tm_file_stamp seen;
    struct ca_freeze_list list;
    struct tm_err unreadable; /* "": it could be read */
};

static void say(struct ca_freeze *f, const char *message, const struct ca_freeze_entry *x)
{
    jlog(f->log, JLOG_WARN, message, JLOG_STR("issuer", x->issuer != NULL ? x->issuer : "all"),
         JLOG_STR("reason", x->reason), JLOG_STR("by", x->by), JLOG_END);
}

static bool says_same(const struct ca_freeze_list *list, const struct ca_freeze_entry *x)
{
    size_t i = ca_freeze_at(list, x->issuer);
    return i < list->count && strcmp(list->entry[i].reason, x->reason) == 0;
}

static void say_changes(struct ca_freeze *f, const struct ca_freeze_list *before,
                        const struct ca_freeze_list *now)
{
    for (size_t i = 0; i < before->count; i++) {
        if (ca_freeze_at(now, before->entry[i].issuer) == now->count)
            say(f, "issuance goes on", &before->entry[i]);
    }
    for (size_t i = 0; i < now->count; i++) {
        if (!says_same(before, &now->entry[i]))
            say(f, "issuance is stopped", &now->entry[i]);
    }
}

/* With the lock, which all others wait for: the list may say that they are stopped. */
static void read_again(struct ca_freeze *f)
{
    struct ca_freeze_list now;
    struct tm_err e = {0};
    atomic_store(&f->any, true);
    if (ca_freeze_read(f->path, &now, &e) != 0) {
        ca_freeze_free_list(&now);
        if (strcmp(f->unreadable.text, e.text) != 0) /* once, not at each look */
            jlog(f->log, JLOG_ERROR,
                 "nothing is issued: the file that stops issuance cannot be read",
                 JLOG_STR("detail", e.text), JLOG_END);
        f->unreadable = e;
    } else {
        say_changes(f, &f->list, &now);
        ca_freeze_free_list(&f->list);
        f->list = now;
        f->unreadable = (struct tm_err){0};
    }
    atomic_store(&f->any, f->list.count > 0 || f->unreadable.text[0] != '\0');
}

static void look(struct ca_freeze *f)
{
    long long now = tm_clock_mono_ms();
    long long last = atomic_load(&f->looked_ms);
    if (now - last < CA_FREEZE_LOOK_MS ||
        !atomic_compare_exchange_strong(&f->looked_ms, &last, now))
        return;
    pthread_mutex_lock(&f->lock);
    /* What could not be read may be the same file that can be read now. */
    if (tm_file_stamp_renew(f->path, &f->seen) || f->unreadable.text[0] != '\0')
        read_again(f);
    pthread_mutex_unlock(&f->lock);
}

struct ca_freeze *ca_freeze_new(const char *path, struct tm_jlog *log, struct tm_err *e)
{
    struct ca_freeze *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return tm_err_null(e, "out of memory");
    f->path = path;
    f->log = log;
    pthread_mutex_init(&f->lock, NULL);
    f->seen = tm_file_stamp(path);
    read_again(f);
    atomic_store(&f->looked_ms, tm_clock_mono_ms());
    return f;
}

void ca_freeze_free(struct ca_freeze *f)
{
    if (f == NULL)
        return;
    ca_freeze_free_list(&f->list);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* With the lock: the entry that stops this; NULL: none. */
static const struct ca_freeze_entry *find(const struct ca_freeze *f, const char *issuer,
                                          const char *entry)
{
    const char *const names[] = {NULL, issuer, entry};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t at = i == 0 || names[i] != NULL ? ca_freeze_at(&f->list, names[i]) : f->list.count;
        if (at < f->list.count)
            return &f->list.entry[at];
    }
    return NULL;
}

int ca_freeze_check(struct ca_freeze *f, const char *issuer, const char *entry, struct tm_err *why)
{
    look(f);
    if (!atomic_load(&f->any))
        return 0;
    pthread_mutex_lock(&f->lock);
    const struct ca_freeze_entry *x = find(f, issuer, entry);
    int rc = 0;
    if (f->unreadable.text[0] != '\0')
        rc = tm_err_set(why, "issuance is stopped, or may be: its file cannot be read");
    else if (x != NULL)
        rc = tm_err_set(why, "issuance is stopped%s: %s",
                        x->issuer != NULL ? " for this issuer" : "", x->reason);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void ca_freeze_metrics(struct ca_freeze *f, struct tm_buf *out)
{
    look(f);
    pthread_mutex_lock(&f->lock);
    bool all = f->unreadable.text[0] != '\0' || ca_freeze_at(&f->list, NULL) < f->list.count;
    tm_promtext_head(out, "tenmint_issuance_stopped", "gauge",
                     "1: no certificates are issued (tenmint-ca freeze), in all or of an issuer.");
    tm_buf_printf(out, "tenmint_issuance_stopped{issuer=\"\"} %d\n", all ? 1 : 0);
    for (size_t i = 0; i < f->list.count; i++) {
        if (f->list.entry[i].issuer == NULL)
            continue;
        tm_buf_puts(out, "tenmint_issuance_stopped{issuer=\"");
        tm_promtext_label(out, f->list.entry[i].issuer);
        tm_buf_puts(out, "\"} 1\n");
    }
    pthread_mutex_unlock(&f->lock);
}
