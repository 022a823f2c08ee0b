/* log status: what a log's checkpoint says. */
#include <inttypes.h>
#include <stdio.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/target.h"

static int64_t age_s(const struct ca_head *h)
{
    int64_t age = tm_clock_wall_ms() - (int64_t)h->timestamp_ms;
    return age > 0 ? age / 1000 : 0;
}

static int print_json(const struct log_target *t, const char *root, const char *id,
                      struct tm_err *e)
{
    const struct ca_head *h = &t->head;
    json_t *o =
        json_pack("{s:s, s:I, s:s, s:s, s:b, s:I, s:I}", "origin", h->tree.origin, "size",
                  (json_int_t)h->tree.size, "root", root, "key_id", id, "verified", h->verified,
                  "cosigned", (json_int_t)h->cosigned, "witnesses", (json_int_t)t->trust.witnesses);
    if (o != NULL && h->verified && h->timestamp_ms > 0) {
        json_object_set_new(o, "timestamp", json_integer((json_int_t)h->timestamp_ms));
        json_object_set_new(o, "age_seconds", json_integer(age_s(h)));
    }
    return cli_print_json(o, e);
}

static void print_text(const struct log_target *t, const char *root, const char *id)
{
    const struct ca_head *h = &t->head;
    char when[21];
    printf("origin      ");
    log_print_origin(stdout, h);
    printf("\nsize        %" PRIu64 "\nroot        %s\nkey id      %s\n", h->tree.size, root, id);
    tm_clock_format((int64_t)(h->timestamp_ms / 1000), when);
    if (h->verified)
        printf("signature   good, by the given key\n");
    else
        printf("signature   NOT CHECKED: no --key\n");
    if (h->timestamp_ms > 0)
        printf("signed      %s, %" PRId64 " s ago\n", when, age_s(h));
    else if (h->verified)
        printf("signed      it does not say when: a log of signatures\n");
    if (t->head.signatures == 1 && ca_log_source_api(t->source) == SOURCE_TILES)
        printf("witnesses   none signed: only an anchor could tell it from an older copy\n");
    if (t->trust.witnesses > 0)
        printf("cosigned    by %zu of %zu witnesses\n", h->cosigned, t->trust.witnesses);
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    const bool *json = ctx;
    char id[9];
    struct tm_buf root = {0};
    int rc = 0;
    tm_b64_encode(B64_STD, t->head.tree.root.b, MERKLE_HASH, &root);
    tm_hex_encode(t->head.key_id, sizeof(t->head.key_id), id);
    if (*json)
        rc = print_json(t, tm_buf_str(&root), id, e);
    else
        print_text(t, tm_buf_str(&root), id);
    tm_buf_free(&root);
    return rc == 0 ? CLI_OK : CLI_FAILED;
}

int command_log_status(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    bool json = false;
    const struct cli_option options[] = {
        LOG_OPTIONS(f),
        CLI_JSON(&json),
        {0},
    };
    int rc = cli_parse(self, options, argc, argv, 1);
    return rc != CLI_GO_ON ? rc : log_target_run(argv[0], &f, json, work, &json);
}
