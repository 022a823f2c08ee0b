#include "tuf/manager/policy/readers.h"

#include <string.h>

#include "common/nearest.h"

static const char *const known[] = {"cosign", "go-tuf-v1", "python-tuf", "tuf-js", "tough"};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static const struct {
    const char *words;
    const char *fails; /* names of `known`, with ", " between */
    char sign;         /* of a name; NUL: the feature is no name's */
    bool told;
} features[TUF_FEATURE_COUNT] = {
    [TUF_FEATURE_NAME_PERCENT] = {"a '%' in its name",
                                  "cosign, go-tuf-v1, python-tuf, tuf-js, tough", '%', true},
    [TUF_FEATURE_NAME_HASH] = {"a '#' in its name", "cosign, go-tuf-v1, python-tuf, tuf-js, tough",
                               '#', true},
    [TUF_FEATURE_NAME_QUERY] = {"a '?' in its name", "cosign, go-tuf-v1, python-tuf, tuf-js, tough",
                                '?', true},
    [TUF_FEATURE_NAME_SLASH] = {"a '/' in its name", "tough", '/', false},
    /* Where the hash before the name begins with a letter, "HASH.a:b" is a URL with a scheme. */
    [TUF_FEATURE_NAME_COLON] = {"a ':' in its name", "tough", ':', true},
    [TUF_FEATURE_KEY_P384] = {"a P-384 key in root", "tough", '\0', false},
    /* Only in what others began: a new key's is a fault. */
    [TUF_FEATURE_KEYID] = {"a keyid that is not the hash of its key", "tough", '\0', false},
    [TUF_FEATURE_BINS] = {"hash bins", "go-tuf-v1, tough", '\0', true},
    [TUF_FEATURE_HASH_PREFIXES] = {"path-hash-prefixes", "cosign", '\0', true},
    [TUF_FEATURE_LONG_TARGETS] = {"metadata of over 5,000,000 bytes",
                                  "cosign, go-tuf-v1, python-tuf, tuf-js", '\0', false},
};

int tuf_readers_check(const struct tm_yamlmap_list *readers, struct tm_err *e)
{
    for (size_t i = 0; i < readers->count; i++) {
        struct tm_nearest near;
        bool found = false;
        tm_nearest_init(&near, readers->item[i]);
        for (size_t k = 0; k < KNOWN_COUNT; k++) {
            found |= strcmp(known[k], readers->item[i]) == 0;
            tm_nearest_try(&near, known[k]);
        }
        if (!found)
            return tm_err_set(
                e,
                "'readers': '%.40s' is none of cosign, go-tuf-v1, python-tuf, tuf-js, "
                "tough%s%s%s",
                readers->item[i], near.best != NULL ? "; did you mean '" : "",
                near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
    }
    return 0;
}

const char *tuf_feature_words(enum tuf_feature f)
{
    return features[f].words;
}

const char *tuf_feature_fails(enum tuf_feature f)
{
    return features[f].fails;
}

bool tuf_feature_is_told(enum tuf_feature f)
{
    return features[f].told;
}

static bool lists(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = names; p != NULL; p = strstr(p, ", ")) {
        p += *p == ',' ? 2 : 0;
        if (strncmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

const char *tuf_feature_refused(enum tuf_feature f, const struct tm_yamlmap_list *readers)
{
    for (size_t i = 0; i < readers->count; i++) {
        if (lists(features[f].fails, readers->item[i]))
            return readers->item[i];
    }
    return NULL;
}

bool tuf_feature_in_name(enum tuf_feature f, const char *name)
{
    return features[f].sign != '\0' && strchr(name, features[f].sign) != NULL;
}
