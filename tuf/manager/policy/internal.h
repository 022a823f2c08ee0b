/* Shared by the files of this folder. */
#pragma once

#include "tuf/manager/policy/policy.h"

/* What a well-formed file may still get wrong. */
int tuf_policy_judge(const struct tuf_policy *p, struct tm_err *e);
