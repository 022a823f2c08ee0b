/* What files that are no certificates say; nothing is verified. Each 0, or -1 with `e` set. */
#pragma once

#include "common/buf.h"
#include "tools/tenmint/facts.h"

int show_bundle(struct facts *f, const struct tm_buf *file, struct tm_err *e);
int show_trusted_root(struct facts *f, const struct tm_buf *file, struct tm_err *e);
int show_signing_config(struct facts *f, const struct tm_buf *file, struct tm_err *e);
int show_metadata(struct facts *f, const struct tm_buf *file, struct tm_err *e);
int show_checkpoint(struct facts *f, const struct tm_buf *file, struct tm_err *e);
int show_sct(struct facts *f, const struct tm_buf *file, struct tm_err *e);
