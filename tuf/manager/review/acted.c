#include "tuf/manager/review/acted.h"

#include <string.h>

#include "common/json/strictjson.h"

static bool is_signing_config(const char *name)
{
    static const char start[] = "signing_config";
    static const char end[] = ".json";
    size_t len = strlen(name);
    return strncmp(name, start, strlen(start)) == 0 && len > strlen(end) &&
           strcmp(name + len - strlen(end), end) == 0 && strchr(name, '/') == NULL;
}

bool tuf_acted_on_always(const char *name)
{
    return strcmp(name, TRUSTED_ROOT_TARGET) == 0 || is_signing_config(name);
}

/* The list in one version of targets, or NULL. */
static const json_t *named(const struct tuf_metadata *targets)
{
    return targets != NULL ? json_object_get(tuf_metadata_body(targets), ACTED_ON_MEMBER) : NULL;
}

static bool lists(const json_t *names, const char *name)
{
    size_t i;
    const json_t *v;
    json_array_foreach(names, i, v)
    {
        if (json_is_string(v) && strcmp(json_string_value(v), name) == 0)
            return true;
    }
    return false;
}

static bool has_usage(const json_t *entry)
{
    const json_t *custom = json_object_get(json_object_get(entry, "custom"), "sigstore");
    return tm_strictjson_str(custom, "usage") != NULL;
}

bool tuf_acted_on(const struct tuf_event *ev, const char *name, const json_t *was, const json_t *is)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    return tuf_acted_on_always(name) || has_usage(was) || has_usage(is) ||
           (t != NULL && (lists(named(t->base), name) || lists(named(t->proposed), name)));
}

static int each_named(const json_t *names, int (*each)(void *arg, const char *name), void *arg)
{
    size_t i;
    const json_t *v;
    int rc = 0;
    json_array_foreach(names, i, v)
    {
        const char *name = json_string_value(v);
        if (rc == 0 && name != NULL && name[0] != '\0' && !tuf_acted_on_always(name))
            rc = each(arg, name);
    }
    return rc;
}

int tuf_acted_on_each(const struct tuf_event *ev, int (*each)(void *arg, const char *name),
                      void *arg)
{
    static const char *const always[] = {TRUSTED_ROOT_TARGET, SIGNING_CONFIG_TARGET,
                                         "signing_config.json"};
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    int rc = 0;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && rc == 0; i++)
        rc = each(arg, always[i]);
    if (rc == 0 && t != NULL)
        rc = each_named(named(t->base), each, arg);
    return rc == 0 && t != NULL ? each_named(named(t->proposed), each, arg) : rc;
}
