/* A repository with more roots than a client takes in one run. */
#include "tests/unit/tuf_case.h"
#include "tuf/metadata/typesjson.h"

#define ROOTS 300

/* The root as version `version`, signed by alice and bob. */
static struct tuf_metadata *next_root(const struct tuf_case *c, const struct tuf_metadata *root,
                                      int64_t version)
{
    static const char *const holders[] = {"alice", "bob"};
    struct tm_err e = {0};
    struct tuf_signed body = {0};
    assert_int_equal(tuf_copy_signed(tuf_metadata_signed(root), &body, &e), 0);
    body.version = version;
    struct tuf_metadata *m = tuf_metadata_make(&body, NULL, &e);
    assert_non_null(m);
    const struct tuf_keys *keys = &tuf_metadata_signed(m)->root.keys;
    for (size_t i = 0; i < keys->count; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(tuf_key_owner(&keys->item[i]), holders[k]) == 0)
                assert_int_equal(tuf_metadata_sign(m, &keys->item[i], case_key(c, holders[k]), &e),
                                 0);
        }
    }
    return m;
}

static void publish_roots(struct tuf_case *c)
{
    struct tuf_published p;
    char dir[PATH_MAX];
    char name[64];
    snprintf(dir, sizeof(dir), "%s/published", c->dir);
    assert_int_equal(tuf_published_load(dir, &p, &c->e), 0);
    for (int64_t v = 2; v <= ROOTS; v++) {
        struct tuf_metadata *m = next_root(c, p.roots[0], v);
        struct tm_buf text = {0};
        assert_int_equal(tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, &c->e), 0);
        snprintf(name, sizeof(name), "published/%lld.root.json", (long long)v);
        case_file(c, name, tm_buf_str(&text));
        if (v == ROOTS)
            case_file(c, "published/root.json", tm_buf_str(&text));
        tm_buf_free(&text);
        tuf_metadata_free(m);
    }
    tuf_published_free(&p);
}

static void three_hundred_roots_are_followed_published_and_verified(void **state)
{
    (void)state;
    struct tuf_case c;
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    publish_roots(&c);
    case_sound(&c, T0);
    struct tuf_publish_report r = case_round(&c, T0 + DAY, "root");
    assert_int_equal(r.root, ROOTS + 1);
    assert_int_equal(r.chains_checked, 3);
    case_sound(&c, T0 + DAY);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hundred_roots_are_followed_published_and_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
