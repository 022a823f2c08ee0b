/* init --from: a workspace of a repository that others began. */
#pragma once

/* `targets`, `trusted`: a place and a root file, or NULL. The exit code. */
int init_from(const char *dir, const char *from, const char *targets, const char *trusted);
