/* What the note's text form and its signatures share. */
#pragma once

#include "common/transparency/note.h"

#define NOTE_NAME_SIZE sizeof(((struct tm_note_key *)0)->name) /* with its NUL */

/* Not empty, UTF-8, no control character, Unicode space or '+'. */
bool tm_note_name_ok(const char *name, size_t len);

int tm_checkpoint_parse_text(const char *text, size_t len, struct tm_checkpoint *out,
                             struct tm_err *e);
