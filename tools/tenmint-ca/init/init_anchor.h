/*
 * The folder of --anchor: on other storage, of one CA alone, from its first day on.
 */
#pragma once

#include "tools/tenmint-ca/init/init_make.h"

/* Nothing of another log lies there, and it is not where the CA is made: in p->place. */
int init_anchor_check(const struct init_plan *p, struct tm_err *e);

/* Puts each log's first checkpoint there, which nobody may have put meanwhile, once p->place has
 * the logs: a run that is killed before leaves an empty folder, and the server puts them, too. */
int init_anchor_put(const struct init_plan *p, struct tm_err *e);
