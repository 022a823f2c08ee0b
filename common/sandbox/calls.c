/* The system calls of each right, as one table. */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/sandbox/internal.h"
#include "common/sandbox/sandbox.h"

#define ALWAYS 0 /* whatever rights there are */
#define ALL_FILES (SANDBOX_READ | SANDBOX_WRITE)
#define SOCKETS (SANDBOX_CONNECT | SANDBOX_LOCAL)

struct call {
    int number;
    unsigned rights; /* any of these; ALWAYS: none is needed */
};

#define CALL(name, rights) \
    { \
        SCMP_SYS(name), (rights) \
    }

static const struct call calls[] = {
    /* memory */
    CALL(brk, ALWAYS),
    CALL(munmap, ALWAYS),
    CALL(mremap, ALWAYS),
    CALL(madvise, ALWAYS),
    CALL(mlock, ALWAYS),
    CALL(munlock, ALWAYS),
    CALL(membarrier, ALWAYS),
    CALL(getcpu, ALWAYS),
    /* threads, and the end */
    CALL(set_robust_list, ALWAYS),
    CALL(rseq, ALWAYS),
    CALL(futex, ALWAYS),
    CALL(sched_yield, ALWAYS),
    CALL(sched_getaffinity, ALWAYS),
    CALL(gettid, ALWAYS),
    CALL(getpid, ALWAYS),
    CALL(exit, ALWAYS),
    CALL(exit_group, ALWAYS),
    CALL(restart_syscall, ALWAYS),
    CALL(rt_sigaction, ALWAYS),
    CALL(rt_sigprocmask, ALWAYS),
    CALL(rt_sigreturn, ALWAYS),
    CALL(rt_sigtimedwait, ALWAYS),
    CALL(sigaltstack, ALWAYS),
    CALL(getuid, ALWAYS),
    CALL(geteuid, ALWAYS),
    CALL(getgid, ALWAYS),
    CALL(getegid, ALWAYS),
    CALL(getrusage, ALWAYS),
    CALL(sysinfo, ALWAYS),
    CALL(uname, ALWAYS),
    /* time, chance */
    CALL(clock_gettime, ALWAYS),
    CALL(clock_getres, ALWAYS),
    CALL(clock_nanosleep, ALWAYS),
    CALL(nanosleep, ALWAYS),
    CALL(gettimeofday, ALWAYS),
    CALL(time, ALWAYS),
    CALL(adjtimex, SANDBOX_CLOCK),
    CALL(clock_adjtime, SANDBOX_CLOCK),
    CALL(getrandom, ALWAYS),
    /* descriptors that are open */
    CALL(read, ALWAYS),
    CALL(write, ALWAYS),
    CALL(readv, ALWAYS),
    CALL(writev, ALWAYS),
    CALL(pread64, ALWAYS),
    CALL(sendfile, ALWAYS),
    CALL(lseek, ALWAYS),
    CALL(fstat, ALWAYS),
    CALL(close, ALWAYS),
    CALL(fsync, ALWAYS), /* where log lines go may be a file */
    CALL(fdatasync, ALWAYS),
    CALL(dup, ALWAYS),
    CALL(pipe2, ALWAYS),
    CALL(eventfd2, ALWAYS),
    CALL(poll, ALWAYS),
    CALL(ppoll, ALWAYS),
    CALL(select, ALWAYS),
    CALL(pselect6, ALWAYS),
    CALL(epoll_create1, ALWAYS),
    CALL(epoll_ctl, ALWAYS),
    CALL(epoll_wait, ALWAYS),
    CALL(epoll_pwait, ALWAYS),
    CALL(timerfd_create, ALWAYS),
    CALL(timerfd_settime, ALWAYS),
    CALL(recvmsg, ALWAYS),
    CALL(sendmsg, ALWAYS),
    CALL(recvfrom, ALWAYS),
    CALL(sendto, ALWAYS),
    CALL(shutdown, ALWAYS),
    CALL(getsockopt, ALWAYS),
    CALL(getsockname, ALWAYS),
    CALL(getpeername, ALWAYS),
    /* connections */
    CALL(accept4, SANDBOX_ACCEPT),
    CALL(accept, SANDBOX_ACCEPT),
    CALL(connect, SOCKETS),
    CALL(bind, SANDBOX_CONNECT),
    CALL(sendmmsg, SANDBOX_CONNECT),
    CALL(recvmmsg, SANDBOX_CONNECT),
    /* files by name */
    CALL(stat, ALL_FILES),
    CALL(lstat, ALL_FILES),
    CALL(statx, ALL_FILES),
    CALL(newfstatat, ALL_FILES), /* the C library's fstat, too: a filter sees no path */
    CALL(statfs, ALL_FILES),
    CALL(fstatfs, ALL_FILES),
    CALL(access, ALL_FILES),
    CALL(faccessat, ALL_FILES),
    CALL(faccessat2, ALL_FILES),
    CALL(readlink, ALL_FILES),
    CALL(readlinkat, ALL_FILES),
    CALL(getdents64, ALL_FILES),
    CALL(getcwd, ALL_FILES),
    CALL(flock, ALL_FILES),
    CALL(fadvise64, ALL_FILES),
    CALL(pwrite64, SANDBOX_WRITE),
    CALL(sync_file_range, SANDBOX_WRITE),
    CALL(ftruncate, SANDBOX_WRITE),
    CALL(fallocate, SANDBOX_WRITE),
    CALL(fchmod, SANDBOX_WRITE),
    CALL(umask, SANDBOX_WRITE),
    CALL(mkdir, SANDBOX_WRITE),
    CALL(mkdirat, SANDBOX_WRITE),
    CALL(unlink, SANDBOX_WRITE),
    CALL(unlinkat, SANDBOX_WRITE),
    CALL(rmdir, SANDBOX_WRITE),
    CALL(rename, SANDBOX_WRITE),
    CALL(renameat, SANDBOX_WRITE),
    CALL(renameat2, SANDBOX_WRITE),
    CALL(link, SANDBOX_WRITE),
    CALL(linkat, SANDBOX_WRITE),
    /* processes */
    CALL(kill, SANDBOX_PROCESSES),
    CALL(wait4, SANDBOX_PROCESSES),
    CALL(waitid, SANDBOX_PROCESSES),
    CALL(signalfd4, SANDBOX_PROCESSES),
};

/* Calls of which only some uses are allowed; `arg` under `mask` is `value`. */
struct part {
    int number;
    unsigned rights;
    unsigned arg;
    scmp_datum_t mask, value;
};

#define WHOLE UINT64_MAX /* of an int, too: nobody sets the bits above it */
#define INT_BITS UINT32_MAX

static const struct part parts[] = {
    /* Memory is either written or executed; only files are executed, and only who may load. */
    {SCMP_SYS(mmap), ALWAYS, 2, PROT_EXEC, 0},
    {SCMP_SYS(mmap), SANDBOX_LOAD, 2, PROT_EXEC | PROT_WRITE, PROT_EXEC},
    {SCMP_SYS(mprotect), ALWAYS, 2, PROT_EXEC, 0},
    /* Threads, not processes. */
    {SCMP_SYS(clone), ALWAYS, 0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD},
    /* Connected for good; a datagram socket could send to any name. */
    {SCMP_SYS(socketpair), ALWAYS, 1, 0xf, SOCK_STREAM},
    {SCMP_SYS(prlimit64), ALWAYS, 0, WHOLE, 0}, /* its own */
    {SCMP_SYS(prctl), ALWAYS, 0, WHOLE, PR_SET_NAME},
    {SCMP_SYS(prctl), ALWAYS, 0, WHOLE, 0x53564d41}, /* PR_SET_VMA: names of memory */
    /* Copies, flags, locks; not F_SETOWN and F_SETSIG, which signal any process of the user. */
    {SCMP_SYS(fcntl), ALWAYS, 1, ~UINT64_C(7), 0}, /* F_DUPFD to F_SETLKW */
    {SCMP_SYS(fcntl), ALWAYS, 1, WHOLE, F_DUPFD_CLOEXEC},
    {SCMP_SYS(ioctl), ALWAYS, 1, WHOLE, FIONBIO},
    {SCMP_SYS(ioctl), ALWAYS, 1, WHOLE, FIONREAD},
    {SCMP_SYS(ioctl), ALWAYS, 1, WHOLE, TCGETS}, /* whether stdout is a terminal */
    {SCMP_SYS(openat), SANDBOX_READ, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {SCMP_SYS(open), SANDBOX_READ, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {SCMP_SYS(openat), SANDBOX_WRITE, 2, 0, 0},
    {SCMP_SYS(open), SANDBOX_WRITE, 1, 0, 0},
    {SCMP_SYS(socket), SOCKETS, 0, WHOLE, AF_UNIX},
    {SCMP_SYS(socket), SANDBOX_CONNECT, 0, WHOLE, AF_INET},
    {SCMP_SYS(socket), SANDBOX_CONNECT, 0, WHOLE, AF_INET6},
    {SCMP_SYS(socket), SANDBOX_CONNECT, 0, WHOLE, AF_NETLINK}, /* which addresses it has */
    {SCMP_SYS(socket), SANDBOX_PROCESSES, 0, WHOLE, AF_UNIX},  /* systemd is told */
};

static bool has(unsigned rights, unsigned any)
{
    return any == ALWAYS || (rights & any) != 0;
}

/*
 * libmicrohttpd sets TCP's options on its socket before and after each reply, though ours is none
 * of TCP's, until it hears EINVAL; the kernel says EOPNOTSUPP, for ever. Who takes connections and
 * makes none has TCP's options from the socket that listens, and needs none but those of sockets.
 * The kernel takes an int: what is above it in the register does not count.
 */
static int add_options(scmp_filter_ctx ctx, unsigned rights)
{
    const int call = SCMP_SYS(setsockopt);
    if ((rights & (SANDBOX_ACCEPT | SANDBOX_CONNECT)) != SANDBOX_ACCEPT)
        return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL), call, 1,
                              SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, IPPROTO_TCP));
    return rc != 0 ? rc
                   : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1,
                                      SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, SOL_SOCKET));
}

static int add_rules(scmp_filter_ctx ctx, unsigned rights)
{
    /* Its flags are in memory, where no filter sees them: the C library takes clone instead. */
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = add_options(ctx, rights);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && rc == 0; i++) {
        if (has(rights, calls[i].rights))
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i].number, 0);
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == 0; i++) {
        const struct part *p = &parts[i];
        /* Whoever may write may open in any way; two rules for one call are one too many. */
        bool wider = (rights & SANDBOX_WRITE) != 0 && p->rights == SANDBOX_READ;
        if (!has(rights, p->rights) || wider)
            continue;
        if (p->mask == 0)
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, p->number, 0);
        else
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, p->number, 1,
                                  SCMP_CMP(p->arg, SCMP_CMP_MASKED_EQ, p->mask, p->value));
        if (rc == -EEXIST)
            rc = 0;
    }
    return rc;
}

static int load(scmp_filter_ctx ctx, int rc, struct tm_err *e)
{
    if (rc == 0)
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0) /* a tree, not a list: each system call passes through it */
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    errno = -rc;
    return rc == 0 ? 0 : tm_err_errno(e, "give up the other system calls");
}

static const int never[] = {SCMP_SYS(execve),
                            SCMP_SYS(execveat),
                            SCMP_SYS(ptrace),
                            SCMP_SYS(process_vm_readv),
                            SCMP_SYS(process_vm_writev),
                            SCMP_SYS(pidfd_getfd),
                            SCMP_SYS(bpf),
                            SCMP_SYS(perf_event_open),
                            SCMP_SYS(userfaultfd),
                            SCMP_SYS(io_uring_setup),
                            SCMP_SYS(keyctl),
                            SCMP_SYS(add_key),
                            SCMP_SYS(request_key),
                            SCMP_SYS(init_module),
                            SCMP_SYS(finit_module),
                            SCMP_SYS(delete_module),
                            SCMP_SYS(kexec_load),
                            SCMP_SYS(kexec_file_load),
                            SCMP_SYS(mount),
                            SCMP_SYS(umount2),
                            SCMP_SYS(move_mount),
                            SCMP_SYS(fsopen),
                            SCMP_SYS(pivot_root),
                            SCMP_SYS(chroot),
                            SCMP_SYS(unshare),
                            SCMP_SYS(setns),
                            SCMP_SYS(reboot),
                            SCMP_SYS(settimeofday),
                            SCMP_SYS(clock_settime),
                            SCMP_SYS(sethostname)};

int tm_sandbox_no_programs(struct tm_err *e)
{
    if (SANDBOX_OFF != 0)
        return 0;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL)
        return tm_err_set(e, "out of memory");
    int rc = 0;
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]) && rc == 0; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, never[i], 0);
    return load(ctx, rc, e);
}

/* What was preloaded (a test's clock, a fault injector) reads files of its own. Who may set this
 * variable could start another program altogether. */
bool tm_sandbox_is_preloaded(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload != NULL && *preload != '\0';
}

int tm_sandbox_calls(unsigned rights, struct tm_err *e)
{
    if (SANDBOX_OFF != 0)
        return 0;
    if (tm_sandbox_is_preloaded())
        rights |= SANDBOX_READ;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (ctx == NULL)
        return tm_err_set(e, "out of memory");
    return load(ctx, add_rules(ctx, rights), e);
}
