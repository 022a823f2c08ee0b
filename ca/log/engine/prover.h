/*
 * Proofs for entries that have just been published, of which many are asked for at once: the nodes
 * of the tiles at the tree's edge are kept, where a proof on its own hashes them anew.
 */
#pragma once

#include "ca/log/engine/reader.h"

struct ca_log_prover; /* any thread; its own lock inside, held while a tile is read */

/* Of the log in `directory`, which is borrowed. NULL with `e` set. */
struct ca_log_prover *ca_log_prover_new(const char *directory, int tile_level, struct tm_err *e);
void ca_log_prover_free(struct ca_log_prover *p); /* NULL is fine */

/* As ca_log_tree_inclusion, in a tree of `size` that has been published. */
int ca_log_prover_inclusion(struct ca_log_prover *p, uint64_t index, uint64_t size,
                            struct ca_log_proof *out, struct tm_err *e);
