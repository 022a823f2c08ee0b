#include "tuf/manager/review/acted.h"

#include <string.h>

#include "tuf/metadata/typesjson.h"

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

/* The list in one version of targets (or NULL). */
static const struct tuf_texts *named(const struct tuf_metadata *targets)
{
    static const struct tuf_texts none;
    return targets != NULL ? &tuf_metadata_signed(targets)->targets.acted_on : &none;
}

static bool has_usage(const struct tuf_entry *entry)
{
    return entry != NULL &&
           (entry->custom.sigstore.usage != NULL || tuf_custom_is_ambiguous(entry));
}

bool tuf_acted_on(const struct tuf_event *ev, const char *name, const struct tuf_entry *was,
                  const struct tuf_entry *is)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    return tuf_acted_on_always(name) || has_usage(was) || has_usage(is) ||
           (t != NULL &&
            (tuf_texts_have(named(t->base), name) || tuf_texts_have(named(t->proposed), name)));
}

static int each_named(const struct tuf_texts *names, int (*each)(void *arg, const char *name),
                      void *arg)
{
    int rc = 0;
    for (size_t i = 0; i < names->count && rc == 0; i++) {
        const char *name = names->item[i];
        if (name[0] != '\0' && !tuf_acted_on_always(name))
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
