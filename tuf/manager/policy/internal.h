/* Shared by the files of this folder. */
#ifndef TENMINT_TUF_POLICY_INTERNAL_H
#define TENMINT_TUF_POLICY_INTERNAL_H

#include "tuf/manager/policy/policy.h"

/* What a well-formed file may still get wrong. */
int policy_judge(const struct policy *p, struct err *e);

#endif
