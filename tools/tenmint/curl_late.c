/*
 * libcurl, loaded when a command first fetches something: it brings some thirty shared objects with
 * it (GSSAPI, LDAP, SSH, …), whose loading took a third of what `tenmint verify` of a bundle costs.
 * These are the functions of it that the client calls; a program that links this file is not
 * linked with libcurl itself.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/shared/cli.h"

/* The macros of the same names check arguments; here are the functions. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LIBRARY "libcurl.so.4"

/* By name and place, as real[] has them. */
#define FUNCTIONS(each) \
    each(easy_init) each(easy_cleanup) each(easy_reset) each(easy_perform) each(easy_setopt) \
        each(easy_getinfo) each(easy_strerror) each(easy_escape) each(free) each(slist_append) \
            each(slist_free_all) each(url) each(url_cleanup) each(url_get) each(url_set)
#define MEMBER(name) __typeof__(curl_##name) *name;
#define LOAD(name) *(void **)&real.name = find(library, "curl_" #name);

static struct {
    FUNCTIONS(MEMBER)
} real;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Without it nothing can be fetched, and a caller that goes on would say why in other words. */
static void give_up(void)
{
    const char *why = dlerror();
    fprintf(stderr, "tenmint: this command needs libcurl, which cannot be loaded: %s\n",
            why != NULL ? why : LIBRARY);
    _exit(CLI_UNKNOWN);
}

static void *find(void *library, const char *name)
{
    void *symbol = library != NULL ? dlsym(library, name) : NULL;
    if (symbol == NULL)
        give_up();
    return symbol;
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    FUNCTIONS(LOAD)
}

static void need(void)
{
    pthread_once(&once, load);
}

CURL *curl_easy_init(void)
{
    need();
    return real.easy_init();
}

void curl_easy_cleanup(CURL *handle)
{
    need();
    real.easy_cleanup(handle);
}

void curl_easy_reset(CURL *handle)
{
    need();
    real.easy_reset(handle);
}

CURLcode curl_easy_perform(CURL *handle)
{
    need();
    return real.easy_perform(handle);
}

/* The number of an option says what its argument is. */
CURLcode curl_easy_setopt(CURL *handle, CURLoption option, ...)
{
    va_list ap;
    CURLcode code;
    int type = (int)option / 10000 * 10000;
    need();
    va_start(ap, option);
    if (type == CURLOPTTYPE_LONG)
        code = real.easy_setopt(handle, option, va_arg(ap, long));
    else if (type == CURLOPTTYPE_OFF_T)
        code = real.easy_setopt(handle, option, va_arg(ap, curl_off_t));
    else
        code = real.easy_setopt(handle, option, va_arg(ap, void *));
    va_end(ap);
    return code;
}

CURLcode curl_easy_getinfo(CURL *handle, CURLINFO info, ...)
{
    va_list ap;
    need();
    va_start(ap, info);
    CURLcode code = real.easy_getinfo(handle, info, va_arg(ap, void *));
    va_end(ap);
    return code;
}

const char *curl_easy_strerror(CURLcode code)
{
    need();
    return real.easy_strerror(code);
}

char *curl_easy_escape(CURL *handle, const char *text, int length)
{
    need();
    return real.easy_escape(handle, text, length);
}

void curl_free(void *p)
{
    need();
    real.free(p);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    need();
    return real.slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
    need();
    real.slist_free_all(list);
}

CURLU *curl_url(void)
{
    need();
    return real.url();
}

void curl_url_cleanup(CURLU *handle)
{
    need();
    real.url_cleanup(handle);
}

CURLUcode curl_url_get(CURLU *handle, CURLUPart what, char **part, unsigned int flags)
{
    need();
    return real.url_get(handle, what, part, flags);
}

CURLUcode curl_url_set(CURLU *handle, CURLUPart what, const char *part, unsigned int flags)
{
    need();
    return real.url_set(handle, what, part, flags);
}
