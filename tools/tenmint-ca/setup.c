#include "tools/tenmint-ca/setup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/engine/log.h"
#include "common/file.h"

int setup_directory_is_empty(const char *dir, struct tm_err *e)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return tm_err_errno(e, "open directory '%s'", dir);
    bool empty = true;
    for (struct dirent *entry = readdir(d); entry != NULL && empty; entry = readdir(d))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(d);
    if (!empty)
        (void)tm_err_set(e, "directory '%s' is not empty", dir);
    return empty ? 0 : 1;
}

int setup_claim_directory(const char *dir, mode_t mode, struct tm_err *e)
{
    return tm_file_mkdirs(dir, mode, e) == 0 && setup_directory_is_empty(dir, e) == 0 ? 0 : -1;
}

int setup_check_device(const struct tm_key_source *d, const char *option, const char *label,
                       struct tm_err *e)
{
    const char *const words[] = {d->pkcs11_token, label, d->pin_file, d->pin_env};
    bool any = false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        any = any || words[i] != NULL;
        for (const char *c = words[i] != NULL ? words[i] : ""; *c != '\0'; c++) {
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                return tm_err_set(e, "a --pkcs11 option holds a control character");
        }
    }
    if (d->pkcs11_module == NULL && !any)
        return 0;
    if (d->pkcs11_module == NULL || d->pkcs11_token == NULL || label == NULL)
        return tm_err_set(e, "a key in a token needs --pkcs11-module, --pkcs11-token and --%s",
                          option);
    if ((d->pin_file == NULL) == (d->pin_env == NULL))
        return tm_err_set(e, "give the PIN by --pkcs11-pin-file or by --pkcs11-pin-env");
    return 0;
}

bool setup_root_beside(const char *chain, char path[PATH_MAX])
{
    const char *slash = chain != NULL ? strrchr(chain, '/') : NULL;
    int dir = slash != NULL ? (int)(slash - chain) + 1 : 0;
    return chain != NULL && snprintf(path, PATH_MAX, "%.*sroot.key", dir, chain) < PATH_MAX &&
           access(path, F_OK) == 0;
}

static int make_absolute(const char **path, char out[PATH_MAX], struct tm_err *e)
{
    if (*path == NULL)
        return 0;
    if (realpath(*path, out) == NULL)
        return tm_err_errno(e, "'%s'", *path);
    *path = out;
    return 0;
}

int setup_absolute(struct tm_key_source *d, struct setup_paths *room, struct tm_err *e)
{
    if (make_absolute(&d->pkcs11_module, room->module, e) != 0)
        return -1;
    return make_absolute(&d->pin_file, room->pin, e);
}

/* Single-quoted: only the quote itself needs care. */
void setup_put_yaml(struct tm_buf *out, const char *indent, const char *key, const char *value)
{
    if (value == NULL)
        return;
    tm_buf_printf(out, "%s%s: '", indent, key);
    for (; *value != '\0'; value++)
        tm_buf_puts(out, *value == '\'' ? "\'\'" : (const char[]){*value, '\0'});
    tm_buf_puts(out, "'\n");
}

const struct tm_key_source *setup_elsewhere(const struct tm_key_source *s)
{
    return tm_key_source_is_elsewhere(s) ? s : NULL;
}

void setup_put_device(struct tm_buf *out, const char *indent, const struct tm_key_source *d)
{
    setup_put_yaml(out, indent, "pkcs11-module", d->pkcs11_module);
    setup_put_yaml(out, indent, "pkcs11-token", d->pkcs11_token);
    setup_put_yaml(out, indent, "pkcs11-key", d->pkcs11_key);
    setup_put_yaml(out, indent, "pkcs11-pin-file", d->pin_file);
    setup_put_yaml(out, indent, "pkcs11-pin-env", d->pin_env);
    setup_put_yaml(out, indent, "key-uri", d->uri);
}

void setup_put_anchor(struct tm_buf *out, const char *indent, const char *folder, const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s.checkpoint", folder, name);
    setup_put_yaml(out, indent, "anchor", *folder != '\0' ? path : NULL);
}

int setup_check_origin(const char *option, const char *origin, struct tm_err *e)
{
    bool plain = true;
    for (const char *c = origin; *c != '\0'; c++)
        plain = plain && *c > 0x20 && *c < 0x7f && strchr("'\"\\", *c) == NULL;
    if (plain && ca_log_origin_check(origin, e) == 0)
        return 0;
    return tm_err_set(e, "--%s is a host and a path, such as ca.example.com/log", option);
}
