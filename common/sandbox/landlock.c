/* Landlock by its system calls: the C library has no functions for them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox/internal.h"
#include "common/sandbox/sandbox.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define TRUNCATE_VERSION 3 /* without it, what may be read may be emptied by O_TRUNC */

#define READ_FILE (LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_DIR (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE (READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define WRITE_DIR \
    (READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_REFER)
/* And to sync it, which needs it open. */
#define REPLACE_DIR \
    (LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
/* Without REFER, which the second version of the interface brought, nobody may rename from one
 * directory to another, as the logs do. */
#define VERSION 2
#define HANDLED \
    (WRITE_DIR | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

/* `also`: what else goes with writing, by this kernel. */
static uint64_t access_for(enum tm_sandbox_use use, bool directory, uint64_t also)
{
    const struct {
        uint64_t directory, file;
    } rows[] = {
        [SANDBOX_USE_READ] = {READ_DIR, READ_FILE},
        [SANDBOX_USE_WRITE] = {WRITE_DIR | also, WRITE_FILE | also},
        [SANDBOX_USE_REPLACE] = {REPLACE_DIR | also, 0},
        [SANDBOX_USE_LIST] = {LANDLOCK_ACCESS_FS_READ_DIR, 0},
    };
    return directory ? rows[use].directory : rows[use].file;
}

static int add_path(int rules, const struct tm_sandbox_path *p, uint64_t also, struct tm_err *e)
{
    struct stat st;
    int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : tm_err_errno(e, "open '%s'", p->path);
    int rc = fstat(fd, &st) == 0 ? 0 : tm_err_errno(e, "look at '%s'", p->path);
    struct landlock_path_beneath_attr a = {
        .allowed_access = access_for(p->use, rc == 0 && S_ISDIR(st.st_mode), also),
        .parent_fd = fd};
    if (rc == 0 && a.allowed_access != 0 &&
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) != 0)
        rc = tm_err_errno(e, "allow '%s'", p->path);
    close(fd);
    return rc;
}

int tm_sandbox_paths(const struct tm_sandbox_path *path, size_t count, struct tm_err *e)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = HANDLED};
    if (SANDBOX_OFF != 0)
        return 0;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < VERSION) /* a kernel without it, or one that was started without it */
        return version >= 0 || errno == ENOSYS || errno == EOPNOTSUPP
                   ? 0
                   : tm_err_errno(e, "ask for Landlock");
    uint64_t also = version >= TRUNCATE_VERSION ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
    attr.handled_access_fs |= also;
    long rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (rules < 0)
        return tm_err_errno(e, "begin with Landlock");
    const struct tm_sandbox_path everything = {"/", SANDBOX_USE_READ};
    int rc = tm_sandbox_is_preloaded() ? add_path((int)rules, &everything, also, e) : 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = path[i].path != NULL ? add_path((int)rules, &path[i], also, e) : 0;
    if (rc == 0 && syscall(SYS_landlock_restrict_self, (int)rules, 0) != 0)
        rc = tm_err_errno(e, "give up the other files");
    close((int)rules);
    return rc;
}
