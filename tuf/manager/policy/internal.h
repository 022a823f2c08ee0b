/* Shared by the files of this folder. */
#ifndef TENMINT_TUF_POLICY_INTERNAL_H
#define TENMINT_TUF_POLICY_INTERNAL_H

#include "tuf/manager/policy/policy.h"

/* What a well-formed file may still get wrong. */
int tuf_policy_judge(const struct tuf_policy *p, struct tm_err *e);

#endif
