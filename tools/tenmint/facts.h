/*
 * What a file says, label by label: aligned lines for a person, or one JSON object whose keys are
 * the labels in lower case ("SCT Log" is "sct_log"). Parts are headings, or objects in a list; what
 * is said several times is a list.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct facts {
    bool json;
    json_t *all, *part; /* JSON: the whole, and where facts go now (borrowed) */
    const char *indent;
};

void facts_begin(struct facts *f, bool json);
/* Prints the JSON. -1: standard output failed, or memory is out. */
int facts_end(struct facts *f, struct tm_err *e);

/* A part of its own, until the next or facts_whole(). */
void facts_part(struct facts *f, const char *label);
void facts_whole(struct facts *f);

void facts_text(struct facts *f, const char *label, const void *text, size_t len);
void facts_string(struct facts *f, const char *label, const char *text); /* NULL, "": nothing */
void facts_number(struct facts *f, const char *label, int64_t v);
void facts_hex(struct facts *f, const char *label, const void *p, size_t len);
void facts_time(struct facts *f, const char *label, int64_t seconds);
