/*
 * A verification's report, for a person or as JSON.
 */
#pragma once

#include "tuf/verify/bundle/verify.h"

/* To standard output; a failure also on standard error, in one line. */
void verify_output_text(const struct tuf_verify_job *job, const struct tuf_report *r);
void verify_output_json(const struct tuf_verify_job *job, const struct tuf_report *r);
