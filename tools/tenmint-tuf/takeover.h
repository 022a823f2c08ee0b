/* init --from: a workspace of a repository that others began. */
#ifndef TENMINT_TOOLS_TENMINT_TUF_TAKEOVER_H
#define TENMINT_TOOLS_TENMINT_TUF_TAKEOVER_H

/* `targets`, `trusted`: a place and a root file, or NULL. The exit code. */
int init_from(const char *dir, const char *from, const char *targets, const char *trusted);

#endif
