/*
 * Whole directories: removing, copying by hard links.
 */
#ifndef TENMINT_TUF_TREE_H
#define TENMINT_TUF_TREE_H

#include "common/err.h"

/* rm -rf; nothing there is fine. Never follows symbolic links. */
int tree_remove(const char *path, struct err *e);

/* A new directory `to` with the same files as `from`, by hard links; `skip` is a name directly in
 * `from` that is left out. */
int tree_link(const char *from, const char *to, const char *skip, struct err *e);

/* mkdir -p, for what web servers read: mode 0755 whatever the umask is. */
int tree_make(const char *path, struct err *e);

/* The directories above a file's path, by tree_make. */
int tree_make_parent(const char *path, struct err *e);

#endif
