/*
 * The journal: what was sequenced, synced once per group, until full tiles hold it. It begins at
 * a tile's first entry, so that the journal and the full tiles before it are the whole log.
 *
 *   file   = header group*
 *   header = "TMNTLOGJ" u32:version u32:0 nonce[16] u64:base checksum[16]
 *   group  = "GRUP" u32:count u64:first u32:bytes u32:0 checksum[16] payload
 *
 * Numbers are big-endian; the payload is `count` TileLeafs. A group's checksum begins with the
 * file's nonce, so that no entry can hold bytes that pass for a group. At most the last group can
 * be torn, since a group is written after the one before it was synced: damage before a sound
 * group is not a torn write, and is refused.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

#define JOURNAL_GROUP_MAX ((size_t)16 * 1024 * 1024) /* bytes of a payload */
#define JOURNAL_GROUP_HEAD 40                        /* bytes */

struct ca_journal {
    int fd; /* -1: none */
    unsigned char nonce[16];
    uint64_t base; /* first entry */
    uint64_t next; /* entry that the next group begins with */
    off_t end;     /* where the next group goes */
    off_t made;    /* what `end` was when it was made */
};

struct ca_journal_group { /* `count` TileLeafs */
    uint32_t count;
    const struct tm_buf *payload;
};

/* A new journal that holds `groups`: written beside the old one, synced, and put in its place.
 * `j` is replaced; on -1 it is as it was or closed. */
int ca_journal_create(struct ca_journal *j, const char *dir, uint64_t base,
                      const struct ca_journal_group *groups, size_t count, struct tm_err *e);

/* Makes room for a group's head, to be followed by its TileLeafs. */
void ca_journal_group_begin(struct tm_buf *group);

/* Writes and syncs one group of `count` entries; *synced_us is the time of the sync. -1: it may be
 * in the file or not, and the journal must be made anew before the next. */
int ca_journal_append(struct ca_journal *j, struct tm_buf *group, uint32_t count,
                      int64_t *synced_us, struct tm_err *e);

struct ca_journal_reader {
    void *ctx;
    int (*begin)(void *ctx, uint64_t base, struct tm_err *e);
    int (*group)(void *ctx, uint64_t first, uint32_t count, const unsigned char *data, size_t len,
                 struct tm_err *e);
};

/* Reads a journal's bytes, every group in order. A torn last group is left out (*torn is its
 * length); `to` may have had groups when it is refused. */
int ca_journal_parse(const void *data, size_t len, const struct ca_journal_reader *to, size_t *torn,
                     struct tm_err *e);

/* Reads DIR's journal, as ca_journal_parse. The file is not changed. */
int ca_journal_read(const char *dir, const struct ca_journal_reader *to, size_t *torn,
                    struct tm_err *e);

void ca_journal_close(struct ca_journal *j);
