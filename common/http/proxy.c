#include "common/http/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define V1_LINE_MAX 107 /* with its CRLF, 2.1 */
#define V2_HEAD 16
#define MAPPED_BITS 96

/* An address without port or brackets, of exactly this text. */
static int parse_address(const char *text, size_t len, struct sockaddr_storage *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    memset(out, 0, sizeof(*out));
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
        out->ss_family = AF_INET;
        return 0;
    }
    if (inet_pton(AF_INET6, copy, &v6->sin6_addr) != 1)
        return -1;
    out->ss_family = AF_INET6;
    return 0;
}

void tm_http_address_v6(const struct sockaddr *sa, struct in6_addr *out)
{
    memset(out, 0, sizeof(*out));
    if (sa->sa_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    } else if (sa->sa_family == AF_INET) {
        out->s6_addr[10] = out->s6_addr[11] = 0xff;
        memcpy(&out->s6_addr[12], &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    }
}

int tm_http_network_parse(const char *text, struct tm_http_network *out, struct tm_err *e)
{
    struct sockaddr_storage ss;
    size_t len = strcspn(text, "/");
    const char *bits = text[len] == '/' ? text + len + 1 : NULL;
    bool good = parse_address(text, len, &ss) == 0;
    unsigned most = good && ss.ss_family == AF_INET ? 32 : 128;
    unsigned long n = most;
    if (good && bits != NULL) {
        size_t digits = strspn(bits, "0123456789");
        good = digits > 0 && digits <= 3 && bits[digits] == '\0';
        n = strtoul(bits, NULL, 10);
    }
    if (!good || n > most)
        return tm_err_set(e, "'%.64s' is no address or network, such as 192.0.2.1 or 2001:db8::/32",
                          text);
    tm_http_address_v6((const struct sockaddr *)&ss, &out->address);
    out->bits = (unsigned)n + (most == 32 ? MAPPED_BITS : 0);
    return 0;
}

static bool in_network(const struct tm_http_network *n, const struct in6_addr *a)
{
    size_t whole = n->bits / 8;
    unsigned rest = n->bits % 8;
    unsigned mask = rest > 0 ? 0xffu << (8 - rest) & 0xff : 0;
    if (memcmp(n->address.s6_addr, a->s6_addr, whole) != 0)
        return false;
    return rest == 0 || ((n->address.s6_addr[whole] ^ a->s6_addr[whole]) & mask) == 0;
}

bool tm_http_networks_have(const struct tm_http_network *list, size_t count,
                           const struct in6_addr *address)
{
    for (size_t i = 0; i < count; i++) {
        if (in_network(&list[i], address))
            return true;
    }
    return false;
}

/* "TCP4 192.0.2.1 198.51.100.1 56324 443", or "UNKNOWN" and anything. */
static enum tm_http_proxy_head read_v1(const char *line, size_t len, bool *known,
                                       struct sockaddr_storage *client)
{
    *known = false;
    if (len >= 7 && memcmp(line, "UNKNOWN", 7) == 0 && (len == 7 || line[7] == ' '))
        return PROXY_WHOLE;
    if (len < 5 || (memcmp(line, "TCP4 ", 5) != 0 && memcmp(line, "TCP6 ", 5) != 0))
        return PROXY_BAD;
    sa_family_t family = line[3] == '4' ? AF_INET : AF_INET6;
    const char *word = line + 5;
    const char *end = line + len;
    for (int i = 0; i < 4; i++) { /* two addresses, two ports */
        struct sockaddr_storage ss;
        const char *stop = i < 3 ? memchr(word, ' ', (size_t)(end - word)) : end;
        if (stop == NULL)
            return PROXY_BAD;
        size_t n = (size_t)(stop - word);
        if (i < 2 && (parse_address(word, n, &ss) != 0 || ss.ss_family != family))
            return PROXY_BAD;
        if (i == 0)
            *client = ss;
        if (i >= 2) {
            if (n == 0 || n > 5)
                return PROXY_BAD;
            for (size_t k = 0; k < n; k++) {
                if (word[k] < '0' || word[k] > '9')
                    return PROXY_BAD;
            }
        }
        word = stop + 1;
    }
    *known = true;
    return PROXY_WHOLE;
}

static enum tm_http_proxy_head read_v2(const unsigned char *data, size_t len, size_t *used,
                                       bool *known, struct sockaddr_storage *client)
{
    if (len < V2_HEAD)
        return PROXY_MORE;
    unsigned command = data[12] & 0x0f;
    unsigned family = data[13] >> 4;
    size_t body = (size_t)data[14] << 8 | data[15];
    size_t needs = family == 1 ? 12 : family == 2 ? 36 : family == 3 ? 216 : 0;
    *known = false;
    if (data[12] >> 4 != 2 || command > 1 || family > 3 || (data[13] & 0x0f) > 2 || body < needs ||
        V2_HEAD + body > HTTP_PROXY_HEAD_MAX)
        return PROXY_BAD;
    *used = V2_HEAD + body;
    if (len < *used)
        return PROXY_MORE;
    if (command == 0 || family == 0 || family == 3)
        return PROXY_WHOLE;
    if ((data[13] & 0x0f) != 1) /* of a datagram: not this */
        return PROXY_BAD;
    memset(client, 0, sizeof(*client));
    client->ss_family = family == 1 ? AF_INET : AF_INET6;
    if (family == 1)
        memcpy(&((struct sockaddr_in *)client)->sin_addr, data + V2_HEAD, 4);
    else
        memcpy(&((struct sockaddr_in6 *)client)->sin6_addr, data + V2_HEAD, 16);
    *known = true;
    return PROXY_WHOLE;
}

enum tm_http_proxy_head tm_http_proxy_read(const unsigned char *data, size_t len, size_t *used,
                                           bool *known, struct sockaddr_storage *client)
{
    static const unsigned char v2[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                         '\n', 'Q',  'U',  'I',  'T', '\n'};
    static const char v1[6] = {'P', 'R', 'O', 'X', 'Y', ' '};
    size_t n = len < sizeof(v2) ? len : sizeof(v2);
    if (memcmp(data, v2, n) == 0)
        return n < sizeof(v2) ? PROXY_MORE : read_v2(data, len, used, known, client);
    n = len < sizeof(v1) ? len : sizeof(v1);
    if (memcmp(data, v1, n) != 0)
        return PROXY_BAD;
    size_t most = len < V1_LINE_MAX ? len : V1_LINE_MAX;
    const unsigned char *nl = memchr(data, '\n', most);
    if (nl == NULL)
        return len < V1_LINE_MAX ? PROXY_MORE : PROXY_BAD;
    *used = (size_t)(nl - data) + 1;
    if (*used < sizeof(v1) + 2 || nl[-1] != '\r')
        return PROXY_BAD;
    return read_v1((const char *)data + sizeof(v1), *used - 2 - sizeof(v1), known, client);
}

/* ":80", or a made-up name as ":_a" (RFC 7239, 6.3); nothing is fine, too. */
static bool is_port(const char *text, size_t len)
{
    static const char digits[] = "0123456789";
    static const char made_up[] =
        "0123456789._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *set = len > 2 && text[1] == '_' ? made_up : digits;
    if (len == 0)
        return true;
    if (text[0] != ':' || len < 2 || (set == digits && len > 6))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '\0' || strchr(set, text[i]) == NULL)
            return false;
    }
    return true;
}

/* One element's address: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
static int parse_node(const char *text, size_t len, struct sockaddr_storage *out)
{
    const char *colon = memchr(text, ':', len);
    const char *end = text + len;
    if (len >= 2 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        return close == NULL || !is_port(close + 1, (size_t)(end - close) - 1)
                   ? -1
                   : parse_address(text + 1, (size_t)(close - text) - 1, out);
    }
    if (colon == NULL || memchr(colon + 1, ':', (size_t)(end - colon) - 1) != NULL)
        colon = end; /* a single one is before a port */
    return is_port(colon, (size_t)(end - colon)) ? parse_address(text, (size_t)(colon - text), out)
                                                 : -1;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && ((*text)[0] == ' ' || (*text)[0] == '\t')) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
        (*len)--;
}

/* Begins or ends a quoted string: it is not escaped in one. */
static bool is_quote(const char *text, size_t at)
{
    size_t slashes = 0;
    if (text[at] != '"')
        return false;
    while (slashes < at && text[at - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 0;
}

/* Where the first parameter of an element ends: at a ';' that is not quoted. */
static size_t parameter_end(const char *text, size_t len)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < len && (quoted || text[i] != ';'); i++)
        quoted ^= is_quote(text, i);
    return i;
}

/* The node of "by=…;for=\"[2001:db8::1]:80\";proto=https"; -1: it has none, or several. */
static int find_for(const char **text, size_t *len)
{
    const char *at = *text;
    const char *end = *text + *len;
    size_t found = 0;
    while (at < end) {
        const char *part = at;
        size_t n = parameter_end(at, (size_t)(end - at));
        at += n + 1;
        trim(&part, &n);
        if (n <= 4 || strncasecmp(part, "for=", 4) != 0)
            continue;
        found++;
        *text = part + 4;
        *len = n - 4;
        if (*len >= 2 && (*text)[0] == '"' && (*text)[*len - 1] == '"') {
            (*text)++;
            *len -= 2;
        }
    }
    return found == 1 ? 0 : -1;
}

/* Where the last element before `end` begins. It is read from its end, which a proxy wrote: what a
 * client sent stands before it, and an odd quote there must not turn it inside out. */
static int last_element(enum tm_http_proxy_way way, const char *value, size_t end, size_t *start)
{
    bool quoted = false;
    *start = end;
    while (*start > 0 && (quoted || value[*start - 1] != ',')) {
        --*start;
        quoted ^= way == HTTP_PROXY_FORWARDED && is_quote(value, *start);
    }
    return quoted ? -1 : 0;
}

int tm_http_proxy_forwarded(enum tm_http_proxy_way way, const char *value,
                            const struct tm_http_network *proxies, size_t count,
                            struct sockaddr_storage *client)
{
    size_t end = strlen(value);
    while (end > 0) { /* from the right, where the nearest proxy wrote */
        size_t start;
        struct in6_addr a;
        if (last_element(way, value, end, &start) != 0)
            return -1;
        const char *text = value + start;
        size_t len = end - start;
        trim(&text, &len);
        if ((way == HTTP_PROXY_FORWARDED && find_for(&text, &len) != 0) ||
            parse_node(text, len, client) != 0)
            return -1;
        tm_http_address_v6((const struct sockaddr *)client, &a);
        if (!tm_http_networks_have(proxies, count, &a))
            return 0;
        end = start > 0 ? start - 1 : 0;
    }
    return -1;
}
