/*
 * Whole directories: removing, copying by hard links.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"

/* rm -rf; nothing there is fine. Never follows symbolic links. */
int tuf_tree_remove(const char *path, struct tm_err *e);

/* A new directory `to` with the same files as `from`, by hard links; `skip` is a name directly in
 * `from` that is left out, or NULL. */
int tuf_tree_link(const char *from, const char *to, const char *skip, struct tm_err *e);

/* Each file and folder in `dir`/`name`, that included, without following symbolic links: its path
 * below `dir`, a folder before what is in it, in any order else. What goes meanwhile is
 * left out. -1 ends it; 1: the folder is not entered. */
typedef int (*tree_walk_fn)(void *arg, const char *path, bool folder, struct tm_err *e);
int tuf_tree_walk(const char *dir, const char *name, tree_walk_fn each, void *arg,
                  struct tm_err *e);

/* mkdir -p, for what web servers read: mode 0755 whatever the umask is. */
int tuf_tree_make(const char *path, struct tm_err *e);

/* The directories above a file's path, by tuf_tree_make. */
int tuf_tree_make_parent(const char *path, struct tm_err *e);
