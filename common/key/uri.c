#include "common/key/uri.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/hex.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static const struct option {
    const char *name;
    unsigned kinds; /* a bit for each that has it */
} options[KEY_URI_OPTIONS] = {
    [KEY_URI_TOKEN] = {"token", 1U << KEY_URI_PKCS11},
    [KEY_URI_OBJECT] = {"object", 1U << KEY_URI_PKCS11},
    [KEY_URI_MODULE] = {"module-path", 1U << KEY_URI_PKCS11},
    [KEY_URI_PIN_SOURCE] = {"pin-source", 1U << KEY_URI_PKCS11},
    [KEY_URI_ENDPOINT] = {"endpoint", 1U << KEY_URI_AWS | 1U << KEY_URI_VAULT | 1U << KEY_URI_GCP |
                                          1U << KEY_URI_AZURE},
    [KEY_URI_CA_FILE] = {"ca-file", 1U << KEY_URI_AWS | 1U << KEY_URI_VAULT | 1U << KEY_URI_GCP |
                                        1U << KEY_URI_AZURE},
    [KEY_URI_REGION] = {"region", 1U << KEY_URI_AWS},
    [KEY_URI_PROFILE] = {"profile", 1U << KEY_URI_AWS},
    [KEY_URI_MOUNT] = {"mount", 1U << KEY_URI_VAULT},
    [KEY_URI_VERSION] = {"version", 1U << KEY_URI_VAULT},
    [KEY_URI_NAMESPACE] = {"namespace", 1U << KEY_URI_VAULT},
    [KEY_URI_AUTH] = {"auth", 1U << KEY_URI_VAULT},
    [KEY_URI_AUTH_MOUNT] = {"auth-mount", 1U << KEY_URI_VAULT},
    [KEY_URI_ROLE] = {"role", 1U << KEY_URI_VAULT},
    [KEY_URI_JWT_FILE] = {"jwt-file", 1U << KEY_URI_VAULT},
    [KEY_URI_ROLE_ID_FILE] = {"role-id-file", 1U << KEY_URI_VAULT},
    [KEY_URI_SECRET_ID_FILE] = {"secret-id-file", 1U << KEY_URI_VAULT},
};

static const struct {
    const char *scheme;
    const char *example; /* of what stands after it */
} kinds[] = {
    [KEY_URI_PKCS11] = {"pkcs11", "token=TOKEN;object=KEY?module-path=/usr/lib/MODULE.so"},
    [KEY_URI_AWS] = {"awskms", "alias/NAME?region=REGION"},
    [KEY_URI_VAULT] = {"vault", "NAME"},
    [KEY_URI_GCP] = {"gcpkms",
                     "projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1"},
    [KEY_URI_AZURE] = {"azurekv", "NAME.vault.azure.net/KEY/VERSION"},
};

struct text { /* what is left to read */
    const char *at;
    size_t len;
};

/* Takes what stands before the first of `stops`, and that. The byte that stopped it, or 0. */
static char cut(struct text *from, const char *stops, struct text *out)
{
    size_t n = 0;
    while (n < from->len && strchr(stops, from->at[n]) == NULL)
        n++;
    *out = (struct text){from->at, n};
    char stop = n < from->len ? from->at[n] : '\0';
    size_t taken = stop != '\0' ? n + 1 : n;
    from->at += taken;
    from->len -= taken;
    return stop;
}

static int find_kind(struct text name, enum tm_key_uri_kind *kind)
{
    for (size_t i = 0; i < ARRAY(kinds); i++) {
        if (strlen(kinds[i].scheme) == name.len &&
            memcmp(kinds[i].scheme, name.at, name.len) == 0) {
            *kind = (enum tm_key_uri_kind)i;
            return 0;
        }
    }
    return -1;
}

bool tm_key_uri_is(const char *text)
{
    struct text rest = {text, strlen(text)};
    struct text scheme;
    enum tm_key_uri_kind kind;
    return cut(&rest, ":", &scheme) == ':' && find_kind(scheme, &kind) == 0;
}

bool tm_key_uri_is_remote(const struct tm_key_uri *u)
{
    return u->kind != KEY_URI_PKCS11;
}

const char *tm_key_uri_scheme(const struct tm_key_uri *u)
{
    return kinds[u->kind].scheme;
}

static bool stands_for_itself(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:/@+,=", c) != NULL);
}

/* Appends the byte at `t`, or the one that %XX there names; how many bytes that takes, 0: none. */
static size_t take_byte(const struct text *t, struct tm_buf *out)
{
    if (t->at[0] != '%') {
        buf_putc(out, (unsigned char)t->at[0]);
        return stands_for_itself(t->at[0]) ? 1 : 0;
    }
    if (t->len < 3 || tm_hex_decode(t->at + 1, 2, out) != 0)
        return 0;
    unsigned char c = out->data[out->len - 1];
    return c >= ' ' && c <= '~' ? 3 : 0;
}

/* A copy with %XX undone, of printable ASCII. NULL with `e` set. */
static char *decode(struct text t, struct tm_err *e)
{
    struct tm_buf out = {0};
    struct text rest = t;
    size_t n = 1;
    while (rest.len > 0 && (n = take_byte(&rest, &out)) > 0)
        rest = (struct text){rest.at + n, rest.len - n};
    char *copy = n > 0 && tm_buf_str(&out) != NULL ? strdup(tm_buf_str(&out)) : NULL;
    tm_buf_free(&out);
    if (n == 0)
        tm_err_set(e, "byte %zu of '%.*s' may not stand there; printable ones are written %%XX",
                   t.len - rest.len + 1, (int)t.len, t.at);
    else if (copy == NULL)
        tm_err_set(e, "out of memory");
    return copy;
}

static int take_option(struct tm_key_uri *u, struct text row, struct tm_err *e)
{
    struct text name;
    bool given = cut(&row, "=", &name) == '=';
    for (size_t i = 0; i < KEY_URI_OPTIONS; i++) {
        if ((options[i].kinds & 1U << u->kind) == 0 || strlen(options[i].name) != name.len ||
            memcmp(options[i].name, name.at, name.len) != 0)
            continue;
        if (!given || row.len == 0)
            return tm_err_set(e, "'%s' has no value", options[i].name);
        if (u->option[i] != NULL)
            return tm_err_set(e, "'%s' is given twice", options[i].name);
        u->option[i] = decode(row, e);
        return u->option[i] != NULL ? 0 : -1;
    }
    return tm_err_set(e, "a key of %s has no '%.*s'", kinds[u->kind].scheme, (int)name.len,
                      name.at);
}

static int take_options(struct tm_key_uri *u, struct text rest, const char *stop, struct tm_err *e)
{
    struct text row;
    char stopped;
    do {
        stopped = cut(&rest, stop, &row);
        if (take_option(u, row, e) != 0)
            return -1;
    } while (stopped != '\0');
    return 0;
}

static int take_path(struct tm_key_uri *u, struct text path, struct tm_err *e)
{
    if (u->kind == KEY_URI_PKCS11)
        return take_options(u, path, ";", e);
    if (path.len == 0)
        return tm_err_set(e, "it names no key");
    u->path = decode(path, e);
    return u->path != NULL ? 0 : -1;
}

static int is_whole(const struct tm_key_uri *u, struct tm_err *e)
{
    static const enum tm_key_uri_option needed[] = {KEY_URI_TOKEN, KEY_URI_OBJECT, KEY_URI_MODULE};
    for (size_t i = 0; u->kind == KEY_URI_PKCS11 && i < ARRAY(needed); i++) {
        if (u->option[needed[i]] == NULL)
            return tm_err_set(e, "'%s' is missing", options[needed[i]].name);
    }
    const char *pin = u->option[KEY_URI_PIN_SOURCE];
    if (pin != NULL && strncmp(pin, "file:", 5) != 0 && strncmp(pin, "env:", 4) != 0)
        return tm_err_set(e, "'pin-source' is file:PATH or env:NAME; no PIN belongs into a URI");
    return 0;
}

int tm_key_uri_parse(const char *text, size_t len, struct tm_key_uri *u, struct tm_err *e)
{
    struct text rest = {text, len};
    struct text scheme;
    struct text path;
    *u = (struct tm_key_uri){0};
    if (len > KEY_URI_MAX || memchr(text, '\0', len) != NULL)
        return tm_err_set(e, "a key's URI is longer than %zu bytes, or holds a NUL", KEY_URI_MAX);
    if (cut(&rest, ":", &scheme) != ':' || find_kind(scheme, &u->kind) != 0)
        return tm_err_set(e,
                          "'%.*s' is no key's URI: it begins with pkcs11:, awskms:, vault:, "
                          "gcpkms: or azurekv:",
                          len < 80 ? (int)len : 80, text);
    bool more = cut(&rest, "?", &path) == '?';
    if (take_path(u, path, e) == 0 && (!more || take_options(u, rest, "&", e) == 0) &&
        is_whole(u, e) == 0)
        return 0;
    tm_key_uri_free(u);
    return tm_err_wrap(e, "key '%.*s' (as in %s:%s)", (int)len, text, kinds[u->kind].scheme,
                       kinds[u->kind].example);
}

int tm_key_uri_load(const char *path, struct tm_key_uri *u, struct tm_err *e)
{
    struct tm_buf text = {0};
    *u = (struct tm_key_uri){0};
    int rc = tm_file_read(path, KEY_URI_MAX + 1, &text, e);
    if (rc == 0) {
        size_t len = text.len > 0 && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
        rc = tm_key_uri_parse(len > 0 ? (const char *)text.data : "", len, u, e);
        if (rc != 0)
            tm_err_wrap(e, "'%s'", path);
    }
    tm_buf_free(&text);
    return rc;
}

void tm_key_uri_free(struct tm_key_uri *u)
{
    enum tm_key_uri_kind kind = u->kind;
    free(u->path);
    for (size_t i = 0; i < KEY_URI_OPTIONS; i++)
        free(u->option[i]);
    *u = (struct tm_key_uri){.kind = kind};
}
