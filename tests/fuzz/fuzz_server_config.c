/* The server's configuration: what is accepted can be handed to every part; an error names the
 * file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct ca_config *c)
{
    struct ca_signer_options signer;
    struct oidc_options oidc;
    struct tm_http_options http;
    struct ca_ct_member members[CT_LOGS_MAX];
    struct ca_ct_options ct;
    struct ca_kept_options embedded;
    ca_config_signer(c, &signer);
    ca_config_oidc(c, &oidc);
    ca_config_http(c, &http);
    ca_config_ct(c, members, &ct);
    ca_config_embedded(c, &embedded);
    (void)ca_config_log_level(c);
    for (size_t i = 0; i < c->ct.retired.count; i++) {
        if (ca_config_retired_at(&c->ct.retired, i)->directory == NULL)
            abort();
    }
    /* No certificate without an end, no request without a bound. */
    if (ct.count > CT_LOGS_MAX || c->ct.scts_required < 1 || c->ca.lifetime < 1000 ||
        c->max_request_size < 1024 || (c->issuers_file == NULL) == (c->approved.mirror == NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct ca_config c;
    bool server = ca_config_is_server((const char *)data, size);
    if (ca_config_parse("fuzz", (const char *)data, size, &c, &e) == 0) {
        use(&c);
        ca_config_free(&c);
        if (!server) /* 'ca' is required, and no issuer list has it */
            abort();
    } else if (strstr(e.text, "fuzz") == NULL && strcmp(e.text, "out of memory") != 0) {
        abort();
    }
    return 0;
}
