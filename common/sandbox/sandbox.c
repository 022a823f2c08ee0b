#include "common/sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox/internal.h"

bool tm_sandbox_enforced(void)
{
    return SANDBOX_OFF == 0;
}

int tm_sandbox_begin(struct tm_err *e)
{
    /* OpenSSL reads its configuration when it is used first, which may be much later. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    /* What hides the memory forbids core files, too; a service manager may forbid this call. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return tm_err_errno(e, "hide the process's memory");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return tm_err_errno(e, "give up new privileges");
    return 0;
}

/* Root's rights over files of others, and to lock memory; none over the machine: its clock, its
 * network, its other processes. */
static int keep_file_rights(struct tm_err *e)
{
    const uint32_t kept =
        1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER | 1U << CAP_IPC_LOCK;
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &h, d) != 0)
        return tm_err_errno(e, "ask for the process's capabilities");
    if (d[0].permitted == 0 && d[1].permitted == 0)
        return 0;
    d[0].permitted &= kept;
    d[0].effective &= kept;
    d[0].inheritable = d[1].permitted = d[1].effective = d[1].inheritable = 0;
    return syscall(SYS_capset, &h, d) == 0 ? 0 : tm_err_errno(e, "give up capabilities");
}

int tm_sandbox_user(const char *user, struct tm_err *e)
{
    if (user == NULL)
        return keep_file_rights(e);
    errno = 0;
    const struct passwd *p = getpwnam(user);
    if (p == NULL)
        return errno != 0 ? tm_err_errno(e, "look up user '%s'", user)
                          : tm_err_set(e, "there is no user '%s'", user);
    if (p->pw_uid == geteuid() && p->pw_gid == getegid())
        return keep_file_rights(e);
    int death = 0;
    if (prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0) != 0)
        return tm_err_errno(e, "become user '%s'", user);
    if (setgroups(1, &p->pw_gid) != 0 || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
        setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0)
        return tm_err_errno(e, "become user '%s' (only root can)", user);
    /* A change of user makes a process visible to that user again, and lets it outlive its parent.
     */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, death, 0, 0, 0) != 0)
        return tm_err_errno(e, "hide the process's memory");
    return 0;
}
