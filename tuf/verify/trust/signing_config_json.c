/* signing_config.v0.2.json to and from its struct. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json/jsonfile.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/jsontypes.h"

#define MEDIA_TYPE "application/vnd.dev.sigstore.signingconfig.v0.2+json"

static const struct tm_jsonmap_name selectors[] = {
    {"SERVICE_SELECTOR_UNDEFINED", SELECT_UNDEFINED, 0},
    {"ALL", SELECT_ALL, 1},
    {"ANY", SELECT_ANY, 2},
    {"EXACT", SELECT_EXACT, 3},
    {NULL, 0, 0},
};

struct one {
    struct tuf_service service;
    char *unread; /* why it cannot be read, else NULL */
};

TUF_JSON_MESSAGE(
    service, struct tuf_service, JSONMAP_NEED(struct tuf_service, "url", url, TEXT, .min = 1),
    JSONMAP_ROW(struct tuf_service, "majorApiVersion", major_version, INTEGER, .max = UINT32_MAX),
    JSONMAP_ROW(struct tuf_service, "validFor", valid, OBJECT, .map = &tuf_json_validity),
    JSONMAP_ROW(struct tuf_service, "operator", operator_name, TEXT));
static const struct tm_jsonmap_member a_service = {.kind = JSONMAP_OBJECT,
                                                   .map = &service_map,
                                                   .flags = JSONMAP_ALONE,
                                                   .has = offsetof(struct one, unread)};

static const struct tm_jsonmap_member choice_members[] = {
    JSONMAP_ROW(struct tuf_service_choice, "selector", selector, ENUM, .names = selectors),
    JSONMAP_ROW(struct tuf_service_choice, "count", count, INTEGER, .flags = JSONMAP_OMIT,
                .max = UINT32_MAX),
    {0}};

/* Which signers need not read is an error only to whoever edits. */
static int check_choice(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct tuf_service_choice *c = it;
    bool exact = c->selector == SELECT_EXACT;
    return (exact && c->count == 0) || (how->strict && !exact && c->count > 0)
               ? tm_err_set(e, "'count' above 0 goes with EXACT, and only with it")
               : 0;
}

static const struct tm_jsonmap choice_map = {.members = choice_members,
                                             .size = sizeof(struct tuf_service_choice),
                                             .unknown = JSONMAP_IGNORE,
                                             .proto = true,
                                             .check = check_choice};

struct services {
    struct one *item;
    size_t count;
};

struct file {
    char *media_type;
    struct services list[SERVICE_KIND_COUNT];
    struct tuf_service_choice choice[SERVICE_KIND_COUNT];
};

#define LIST(member, number) \
    { \
        .name = (member), \
        .place = offsetof(struct file, list) + (number) * sizeof(struct services), \
        .kind = JSONMAP_LIST, .flags = JSONMAP_ALWAYS, .each = &a_service, \
        .size = sizeof(struct one), .max = SIGNING_CONFIG_SERVICES_MAX \
    }
#define CHOICE(member, number) \
    { \
        .name = (member), \
        .place = offsetof(struct file, choice) + (number) * sizeof(struct tuf_service_choice), \
        .kind = JSONMAP_OBJECT, .map = &choice_map, .flags = JSONMAP_NOTED, \
        .has = offsetof(struct file, choice) + (number) * sizeof(struct tuf_service_choice) + \
               offsetof(struct tuf_service_choice, given) \
    }

TUF_JSON_MESSAGE(file, struct file, JSONMAP_ROW(struct file, "mediaType", media_type, TEXT),
                 LIST("caUrls", SERVICE_CA), LIST("oidcUrls", SERVICE_OIDC),
                 LIST("rekorTlogUrls", SERVICE_TLOG), LIST("tsaUrls", SERVICE_TSA),
                 CHOICE("rekorTlogConfig", SERVICE_TLOG), CHOICE("tsaConfig", SERVICE_TSA));

/* --- reading --- */

static int leave_out(struct tuf_signing_config *c, enum tuf_service_kind kind, size_t i,
                     const struct one *read, struct tm_err *e)
{
    char where[48];
    const char *why = read->unread != NULL ? read->unread : "'validFor' has no 'start'";
    snprintf(where, sizeof(where), "%s[%zu]", tuf_service_rows[kind].key, i);
    char *note = tuf_left_out_note(where, read->service.url, why);
    if (note == NULL)
        return tm_err_set(e, "out of memory");
    c->left_out[c->left_out_count++] = note;
    return 0;
}

static int take_list(struct tuf_signing_config *c, enum tuf_service_kind kind,
                     struct services *read, bool strict, struct tm_err *e)
{
    for (size_t i = 0; i < read->count; i++) {
        struct tuf_service *s = &read->item[i].service;
        bool counts = read->item[i].unread == NULL && s->valid.has_start;
        if (!counts && strict)
            return tm_err_set(e, "%s[%zu]: 'validFor' has no 'start'", tuf_service_rows[kind].key,
                              i);
        if (!counts && leave_out(c, kind, i, &read->item[i], e) != 0)
            return -1;
        if (!counts)
            continue;
        if (tuf_service_insert(c, kind, s, e) != 0)
            return -1;
        *s = (struct tuf_service){0};
    }
    return 0;
}

static int take_file(struct tuf_signing_config *c, struct file *f, bool strict, struct tm_err *e)
{
    if (strcmp(f->media_type, MEDIA_TYPE) != 0)
        return tm_err_set(e, "'mediaType' is '%.80s', not " MEDIA_TYPE, f->media_type);
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        struct tuf_service_choice *choice = &f->choice[k];
        if (take_list(c, (enum tuf_service_kind)k, &f->list[k], strict, e) != 0)
            return -1;
        if (!tuf_service_rows[k].chosen)
            continue;
        if (choice->selector == JSONMAP_UNKNOWN)
            choice->selector = SELECT_UNDEFINED;
        if (choice->selector != SELECT_EXACT)
            choice->count = 0;
        c->choice[k] = *choice;
    }
    return 0;
}

static struct tuf_signing_config *parse(const void *json, size_t len, bool strict, struct tm_err *e)
{
    const struct tm_jsonmap_how how = {.strict = strict};
    struct file f = {0};
    struct tuf_signing_config *c = tuf_signing_config_new(e);
    if (c != NULL &&
        (tm_jsonmap_parse(json, len, SIGNING_CONFIG_BYTES_MAX, &file_map, &how, &f, e) != 0 ||
         take_file(c, &f, strict, e) != 0)) {
        tuf_signing_config_free(c);
        c = NULL;
    }
    tm_jsonmap_free(&file_map, &f);
    return c;
}

struct tuf_signing_config *tuf_signing_config_parse(const void *json, size_t len, struct tm_err *e)
{
    return parse(json, len, false, e);
}

struct tuf_signing_config *tuf_signing_config_parse_strict(const void *json, size_t len,
                                                           struct tm_err *e)
{
    return parse(json, len, true, e);
}

static struct tuf_signing_config *load(const char *path, bool strict, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_signing_config *c = NULL;
    if (tm_file_read_text(path, SIGNING_CONFIG_BYTES_MAX, &json, e) == 0) {
        c = parse(json.data != NULL ? (const char *)json.data : "", json.len, strict, e);
        if (c == NULL)
            tm_err_wrap(e, "signing config '%s'", path);
    }
    tm_buf_free(&json);
    return c;
}

struct tuf_signing_config *tuf_signing_config_load(const char *path, struct tm_err *e)
{
    return load(path, false, e);
}

struct tuf_signing_config *tuf_signing_config_load_strict(const char *path, struct tm_err *e)
{
    return load(path, true, e);
}

/* --- writing --- */

int tuf_signing_config_write(const struct tuf_signing_config *c, struct tm_buf *out,
                             struct tm_err *e)
{
    struct file f = {.media_type = (char *)MEDIA_TYPE};
    int rc = 0;
    for (size_t k = 0; k < SERVICE_KIND_COUNT && rc == 0; k++) {
        f.list[k].item = calloc(c->count[k] + 1, sizeof(*f.list[k].item));
        if (f.list[k].item == NULL)
            rc = tm_err_set(e, "out of memory");
        for (size_t i = 0; i < c->count[k] && rc == 0; i++)
            f.list[k].item[f.list[k].count++].service = c->service[k][i]; /* whose texts stay c's */
        f.choice[k] = c->choice[k];
        f.choice[k].given = c->choice[k].selector != SELECT_UNDEFINED;
    }
    if (rc == 0)
        rc = tm_jsonfile_put(&file_map, &f, out, e);
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++)
        free(f.list[k].item);
    return rc == 0 ? 0 : tm_err_wrap(e, "the signing config cannot be written");
}
