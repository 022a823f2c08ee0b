/* The pack's first page, and the file that says which control each part answers. */
#include <inttypes.h>
#include <string.h>

#include "common/file.h"
#include "common/html/html.h"
#include "tools/tenmint-ca/evidence/evidence.h"

/* ---- parts ---- */

struct part {
    const char *id, *heading, *text;
    const char *file[3]; /* NULL: no more */
    bool tuf;            /* it is there with a repository only */
};

#define TABLE(name) "tables/" name ".csv"

static const struct part parts[] = {
    {"policy",
     "Signing policy",
     "Who holds keys, how many of them must sign, how often roles are renewed.",
     {"tuf/policy.yaml", "tuf/report/roles.html", NULL},
     true},
    {"roots",
     "Roots of trust in force",
     "Each root, signed by its predecessor; the CAs, logs and timestamp authorities that verifiers "
     "trust.",
     {"tuf/report/roots.html", "tuf/report/trust.html", NULL},
     true},
    {"ceremonies",
     "Ceremonies",
     "Each event that was published: its digest, who signed it, with which key, when.",
     {TABLE("ceremonies"), "tuf/report/events.html", "tuf/transcript.jsonl"},
     true},
    {"rotations",
     "Rotations",
     "Keys and logs that took over from others, scheduled or in an emergency.",
     {TABLE("operations"), TABLE("ceremonies"), NULL},
     false},
    {"trust",
     "Trusted issuers",
     "Whose tokens were trusted, from when, and by whose change.",
     {TABLE("trust"), NULL, NULL},
     false},
    {"drills",
     "Drills",
     "Rotations that were rehearsed, and what must be refused and was.",
     {TABLE("rehearsals"), TABLE("drills"), NULL},
     false},
    {"monitors",
     "Monitors",
     "What those wrote that watch the logs; the cosignatures of witnesses stand in the "
     "checkpoints.",
     {"log/checkpoint", "heads/checkpoint", NULL},
     false},
    {"issuance",
     "Issuance by repository",
     "Each certificate of the period, and how many each repository got.",
     {TABLE("repositories"), TABLE("issued"), "log/entries.jsonl"},
     false},
    {"refusals",
     "Refusals",
     "Each request that was refused, and why.",
     {TABLE("refused"), NULL, NULL},
     false},
    {"operations",
     "Operations",
     "Starts, stops, reloads, freezes, logins of tokens, and what commands changed.",
     {TABLE("operations"), NULL, NULL},
     false},
    {"integrity",
     "Integrity of the records",
     "The chain of records, the log that vouches for its end, and proofs that the certificates are "
     "in the log of certificates.",
     {"evidence.json", "heads/checkpoint", "log/checkpoint"},
     false},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* ---- controls ---- */

static const struct tm_yamlmap_key control_keys[] = {
    YAMLMAP_ROW(struct evidence_control, "asks", YAMLMAP_TEXT, asks, 0, 0),
    YAMLMAP_ROW(struct evidence_control, "parts", YAMLMAP_TEXTS, parts, 0, 0),
    YAMLMAP_END,
};
static const struct tm_yamlmap_key controls_keys[] = {
    YAMLMAP_ENTRIES_ROW(struct evidence_controls, "controls", list, struct evidence_control,
                        control_keys),
    YAMLMAP_END,
};

static const struct part *find_part(const char *id)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (strcmp(parts[i].id, id) == 0)
            return &parts[i];
    }
    return NULL;
}

static const struct evidence_control *control_at(const struct evidence_controls *c, size_t i)
{
    return &((const struct evidence_control *)c->list.item)[i];
}

static int check_controls(const char *path, const struct evidence_controls *c, struct tm_err *e)
{
    for (size_t i = 0; i < c->list.count; i++) {
        const struct evidence_control *one = control_at(c, i);
        if (one->parts.count == 0)
            return tm_err_set(e, "%s: '%s' needs 'parts'", path, one->name);
        for (size_t n = 0; n < one->parts.count; n++) {
            if (find_part(one->parts.item[n]) == NULL)
                return tm_err_set(e, "%s: '%s': no pack has a part '%.64s'", path, one->name,
                                  one->parts.item[n]);
        }
    }
    return c->list.count > 0 ? 0 : tm_err_set(e, "%s: it lists no controls", path);
}

int evidence_controls_load(const char *path, struct evidence_controls *out, struct tm_err *e)
{
    struct tm_buf text = {0};
    *out = (struct evidence_controls){0};
    int rc = tm_file_read_text(path, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = tm_yamlmap_read(path, (const char *)text.data, text.len, controls_keys, out, e);
    if (rc == 0)
        rc = check_controls(path, out, e);
    tm_buf_free(&text);
    if (rc != 0)
        evidence_controls_free(out);
    return rc;
}

void evidence_controls_free(struct evidence_controls *c)
{
    tm_yamlmap_free(controls_keys, c);
    *c = (struct evidence_controls){0};
}

/* ---- the page ---- */

static bool has_file(const struct evidence_facts *f, const struct part *p, const char *file)
{
    if (strncmp(file, "tuf/", 4) == 0 || strcmp(file, TABLE("ceremonies")) == 0)
        return f->has_tuf;
    if (strncmp(file, "log/", 4) == 0)
        return f->has_log;
    if (strncmp(file, "heads/", 6) == 0)
        return f->confirmed > 0;
    return !p->tuf || f->has_tuf;
}

static uint64_t rows_of(const struct evidence_facts *f, const char *file)
{
    for (unsigned i = 0; i < EVIDENCE_TABLES; i++) {
        if (strcmp(evidence_table_file(i), file) == 0)
            return evidence_tables_rows(f->tables, i);
    }
    return strcmp(file, EVIDENCE_REHEARSALS) == 0   ? f->rehearsed.lines
           : strcmp(file, TABLE("ceremonies")) == 0 ? f->tuf.signatures
                                                    : 0;
}

/* "1 row", "2 rows": the noun as it is for one. */
static void put_count(struct tm_html *h, uint64_t n, const char *noun)
{
    tm_html_printf(h, "%" PRIu64 " %s%s", n, noun, n == 1 ? "" : "s");
}

static void put_file(struct tm_html *h, const struct evidence_facts *f, const char *file)
{
    tm_html_open(h, "li");
    tm_html_link_to(h, file, file);
    if (strncmp(file, "tables/", 7) == 0) {
        tm_html_text(h, ": ");
        if (rows_of(f, file) > 0)
            put_count(h, rows_of(f, file), "row");
        else
            tm_html_text(h, "none in this period");
    }
    tm_html_close(h);
}

/* What the parts without a table of their own have to say. */
static void put_figures(struct tm_html *h, const struct evidence_facts *f, const struct part *p)
{
    if (strcmp(p->id, "integrity") == 0) {
        tm_html_open(h, "p");
        put_count(h, f->records, "record");
        tm_html_text(h, " of ");
        put_count(h, f->nodes, "node");
        tm_html_printf(h, ", of which a head vouches for those up to %" PRIu64 "; ", f->confirmed);
        put_count(h, f->proofs, "certificate");
        tm_html_text(h, " with a proof.");
        tm_html_close(h);
    } else if (strcmp(p->id, "roots") == 0) {
        tm_html_open(h, "p");
        tm_html_printf(h, "Root %" PRId64 ", the last of %zu.", f->tuf.root_version, f->tuf.roots);
        tm_html_close(h);
    } else if (strcmp(p->id, "drills") == 0) {
        tm_html_open(h, "p");
        put_count(h, f->rehearsed.lines, "drill");
        tm_html_printf(h, ", of which %zu failed; ", f->rehearsed.failed);
        put_count(h, f->rehearsed.skipped, "step");
        tm_html_printf(h, " skipped. Nobody vouches for %zu.", f->rehearsed.untold);
        tm_html_close(h);
    } else if (strcmp(p->id, "monitors") == 0) {
        tm_html_open(h, "p");
        put_count(h, f->monitors, "file");
        tm_html_text(h, " of monitors, in monitors/.");
        tm_html_close(h);
    }
}

static void put_part(struct tm_html *h, const struct evidence_facts *f, const struct part *p)
{
    bool there = !p->tuf || f->has_tuf;
    if (there)
        tm_html_section(h, p->id, p->heading);
    else
        tm_html_section_badge(h, p->id, p->heading, TM_HTML_WARN, "not in this pack");
    tm_html_element(h, "p", p->text);
    if (there)
        put_figures(h, f, p);
    tm_html_open(h, "ul");
    for (size_t i = 0; i < 3 && p->file[i] != NULL; i++) {
        if (has_file(f, p, p->file[i]))
            put_file(h, f, p->file[i]);
    }
    if (!there)
        tm_html_element(h, "li", "give --tuf WORKSPACE");
    tm_html_close(h);
    tm_html_close(h);
}

static void put_controls(struct tm_html *h, const struct evidence_controls *c)
{
    static const char *const columns[] = {"Control", "Asks for", "Answered by"};
    struct tm_html_table t;
    tm_html_section(h, "controls", "Controls");
    tm_html_table_begin(&t, h, "Which part answers which control, as controls.yaml has it", columns,
                        3);
    for (size_t i = 0; i < c->list.count; i++) {
        const struct evidence_control *one = control_at(c, i);
        tm_html_row(&t);
        tm_html_cell_text(&t, one->name);
        tm_html_cell_text(&t, one->asks != NULL ? one->asks : "");
        tm_html_cell(&t);
        for (size_t n = 0; n < one->parts.count; n++) {
            const struct part *p = find_part(one->parts.item[n]);
            tm_html_text(h, n > 0 ? ", " : "");
            tm_html_link(h, "index.html", p->id, p->heading);
        }
    }
    tm_html_table_end(&t);
    tm_html_close(h);
}

static void put_period(struct tm_html *h, const struct evidence_facts *f)
{
    tm_html_open(h, "p");
    if (f->period->since_ms > 0) {
        tm_html_text(h, "From ");
        tm_html_time(h, f->period->since_ms / 1000);
        tm_html_text(h, " until ");
    } else {
        tm_html_text(h, "All until ");
    }
    tm_html_time(h, f->period->until_ms / 1000);
    tm_html_text(h, "; made ");
    tm_html_time(h, f->made_s);
    tm_html_text(h, ".");
    tm_html_close(h);
}

/* Nobody has to believe these pages. */
static void put_check(struct tm_html *h, const struct evidence_facts *f)
{
    tm_html_section(h, "check", "Check it yourself");
    tm_html_element(h, "p",
                    "Each part, on your own machine, by keys that did not come with this pack; say "
                    "which folder it is in:");
    tm_html_open(h, "pre");
    tm_html_printf(h, "tenmint-ca evidence verify DIR%s%s --heads-key heads.pem",
                   f->has_tuf ? " --root 1.root.json" : "", f->has_log ? " --log-key log.pem" : "");
    tm_html_close(h);
    tm_html_close(h);
}

int evidence_html_write(const char *dir, const struct evidence_facts *f, struct tm_err *e)
{
    static const struct tm_html_nav nav[] = {{"index.html", "Evidence"}};
    const struct tm_html_page page = {.site = "tenmint",
                                      .title = "Evidence",
                                      .lead = "What this signing service did, and the proofs.",
                                      .nav = nav,
                                      .nav_count = 1};
    struct tm_html h = {0};
    char path[PATH_MAX], footer[160];
    tm_html_page_begin(&h, &page);
    put_period(&h, f);
    put_check(&h, f);
    for (size_t i = 0; i < PARTS; i++)
        put_part(&h, f, &parts[i]);
    if (f->controls != NULL)
        put_controls(&h, f->controls);
    snprintf(footer, sizeof(footer), "made by tenmint-ca %s", cli_version);
    tm_html_page_end(&h, footer);
    const char *text = tm_html_str(&h);
    int rc = text != NULL ? tm_file_join(dir, "index.html", path, sizeof(path), e)
                          : tm_err_set(e, "index.html: out of memory");
    if (rc == 0)
        rc = tm_file_write_passing(path, 0644, text, strlen(text), e);
    tm_html_free(&h);
    return rc;
}
