/* Rights that were given up are gone: each case runs in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"
#include "tests/support/cmocka_all.h"

typedef int body_fn(void);

/* How a child that runs `body` under `rights` ends: its exit code, or minus its signal. */
static int end_of(unsigned rights, body_fn *body)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20);
        struct tm_err e = {0};
        if (tm_sandbox_begin(&e) != 0 || tm_sandbox_calls(rights, &e) != 0) {
            fprintf(stderr, "%s\n", e.text);
            _exit(99);
        }
        _exit(body());
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    return WIFSIGNALED(st) ? -WTERMSIG(st) : WEXITSTATUS(st);
}

/* It is stat(2) of any path, to a filter. */
static int look_at_a_descriptor(void)
{
    struct stat st;
    return fstat(STDOUT_FILENO, &st) == 0 ? 0 : 1;
}

static int ask_for_the_clock(void)
{
    struct timex t = {0};
    return adjtimex(&t) >= 0 ? 0 : 1;
}

static int open_to_read(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1;
}

static int open_to_write(void)
{
    return open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0 ? 0 : 1;
}

/* On one end of a pair, as libmicrohttpd does: what the first call says, errno or 0. */
static int set_option(int level, int name)
{
    int pair[2];
    int one = 1;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0             ? -1
           : setsockopt(pair[0], level, name, &one, sizeof(one)) == 0 ? 0
                                                                      : errno;
}

static int set_tcp_option(void)
{
    return set_option(IPPROTO_TCP, TCP_NODELAY);
}

static int set_socket_option(void)
{
    return set_option(SOL_SOCKET, SO_SNDBUF);
}

static int make_tcp_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1;
}

static int make_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 1;
}

static int run_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int fork_one(void)
{
    return fork() >= 0 ? 0 : 1;
}

static int signal_another(void)
{
    return kill(1, 0) == 0 ? 0 : 1;
}

static int trace_itself(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : 1;
}

static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED
               ? 0
               : 1;
}

static void *touch(void *arg)
{
    *(int *)arg = 7;
    return malloc(100000);
}

/* What every process does. */
static int live(void)
{
    pthread_t t;
    int seen = 0;
    void *p = NULL;
    if (pthread_create(&t, NULL, touch, &seen) != 0 || pthread_join(t, &p) != 0)
        return 1;
    free(p);
    free(malloc((size_t)10 << 20));
    if (write(STDERR_FILENO, "", 0) != 0)
        return 3;
    struct timespec ts = {0, 1000};
    nanosleep(&ts, NULL);
    return seen == 7 ? 0 : 2;
}

/* It could send to any name. */
static int make_datagram_pair(void)
{
    int fd[2];
    return socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0 ? 0 : 1;
}

static int signal_by_a_descriptor(void)
{
    return fcntl(STDOUT_FILENO, F_SETSIG, SIGTERM) == 0 ? 0 : 1;
}

static void *open_from_thread(void *arg)
{
    (void)arg;
    usleep(50000);
    (void)open_to_read();
    return NULL;
}

static const struct {
    const char *what;
    body_fn *body;
    unsigned needs; /* 0: no right allows it */
} uses[] = {
    {"look at a descriptor", look_at_a_descriptor, SANDBOX_READ},
    {"ask for the clock's state", ask_for_the_clock, SANDBOX_CLOCK},
    {"open a file to read", open_to_read, SANDBOX_READ},
    {"open a file to write", open_to_write, SANDBOX_WRITE},
    {"a TCP socket", make_tcp_socket, SANDBOX_CONNECT},
    {"a local socket", make_unix_socket, SANDBOX_LOCAL},
    {"signal another process", signal_another, SANDBOX_PROCESSES},
    {"run a program", run_a_program, 0},
    {"fork", fork_one, 0},
    {"a pair of datagram sockets", make_datagram_pair, 0},
    {"signal by a descriptor", signal_by_a_descriptor, 0},
    {"be dumpable again", trace_itself, 0},
    {"memory that is written and executed", map_code, 0},
};
#define USES (sizeof(uses) / sizeof(uses[0]))
#define ALL_RIGHTS 0xffu

static void each_use_needs_its_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < USES; i++) {
        print_message("%s\n", uses[i].what);
        assert_int_equal(end_of(0, uses[i].body), -SIGSYS);
        if (uses[i].needs == 0)
            assert_int_equal(end_of(ALL_RIGHTS, uses[i].body), -SIGSYS);
        else
            assert_int_equal(end_of(uses[i].needs, uses[i].body), 0);
    }
}

/* It is refused, not fatal: the C library tries it first for each thread. */
static int fork_by_clone3(void)
{
    uint64_t args[8] = {[4] = SIGCHLD};
    return syscall(SYS_clone3, args, sizeof(args)) < 0 && errno == ENOSYS ? 0 : 1;
}

/* Else libmicrohttpd would ask for it at each reply. */
static void who_takes_connections_hears_that_its_pairs_are_not_tcp(void **state)
{
    (void)state;
    assert_int_equal(end_of(SANDBOX_ACCEPT, set_tcp_option), EINVAL);
    assert_int_equal(end_of(SANDBOX_ACCEPT, set_socket_option), 0);
    assert_int_equal(end_of(SANDBOX_ACCEPT | SANDBOX_CONNECT, set_tcp_option), EOPNOTSUPP);
    assert_int_equal(end_of(0, set_tcp_option), EOPNOTSUPP);
}

#define ABOVE_AN_INT (INT64_C(1) << 32) /* the kernel overlooks it, where it takes an int */

static long passed, passed_arg[4];

static int pass(void)
{
    return syscall(passed, passed_arg[0], passed_arg[1], passed_arg[2], passed_arg[3], 0, 0) >= 0
               ? 0
               : 1;
}

static int set_tcp_option_by_a_long(void)
{
    int pair[2];
    int one = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    return syscall(SYS_setsockopt, pair[0], ABOVE_AN_INT | IPPROTO_TCP, TCP_NODELAY, &one,
                   sizeof(one)) == 0
               ? 0
               : errno;
}

static void bits_above_an_int_pass_nothing_by(void **state)
{
    (void)state;
    static const struct {
        unsigned rights;
        long number, arg[4];
    } passes[] = {
        {0, SYS_mmap, {0, 4096, ABOVE_AN_INT | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}},
        {0, SYS_socketpair, {AF_UNIX, ABOVE_AN_INT | SOCK_DGRAM}},
        {0, SYS_fcntl, {STDOUT_FILENO, ABOVE_AN_INT | F_SETSIG, SIGTERM}},
        {0, SYS_prctl, {ABOVE_AN_INT | PR_SET_DUMPABLE, 1}},
        {0, SYS_prlimit64, {ABOVE_AN_INT | 1}},
        {SANDBOX_READ, SYS_openat, {AT_FDCWD, (long)"/dev/null", ABOVE_AN_INT | O_WRONLY}},
        {SANDBOX_LOCAL, SYS_socket, {ABOVE_AN_INT | AF_INET, SOCK_STREAM}},
    };
    assert_int_equal(end_of(SANDBOX_ACCEPT, set_tcp_option_by_a_long), EINVAL);
    for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
        passed = passes[i].number;
        memcpy(passed_arg, passes[i].arg, sizeof(passed_arg));
        print_message("system call %ld\n", passed);
        assert_int_equal(end_of(passes[i].rights, pass), -SIGSYS);
    }
}

static void clone3_makes_no_process(void **state)
{
    (void)state;
    assert_int_equal(end_of(ALL_RIGHTS, fork_by_clone3), 0);
}

static void a_right_allows_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(end_of(SANDBOX_READ, open_to_write), -SIGSYS);
    assert_int_equal(end_of(SANDBOX_LOCAL, make_tcp_socket), -SIGSYS);
    assert_int_equal(end_of(SANDBOX_ACCEPT, make_tcp_socket), -SIGSYS);
    assert_int_equal(end_of(SANDBOX_CONNECT, open_to_read), -SIGSYS);
    assert_int_equal(end_of(SANDBOX_WRITE, make_unix_socket), -SIGSYS);
}

static void memory_threads_and_time_need_no_right(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, live), 0);
}

static void threads_that_ran_before_are_bound_too(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t t;
        struct tm_err e = {0};
        alarm(20);
        (void)tm_sandbox_begin(&e);
        if (pthread_create(&t, NULL, open_from_thread, NULL) != 0 || tm_sandbox_calls(0, &e) != 0)
            _exit(99);
        pthread_join(t, NULL);
        _exit(0);
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    assert_true(WIFSIGNALED(st) && WTERMSIG(st) == SIGSYS);
}

static void no_core_no_dump_no_new_rights_after_the_beginning(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct tm_err e = {0};
        struct rlimit core = {1, 1};
        int rc = tm_sandbox_begin(&e);
        getrlimit(RLIMIT_CORE, &core);
        _exit(rc == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
                      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                  ? 0
                  : 1);
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
}

/* With Landlock: files of other directories are out of reach, also to read. */
static void only_the_paths_that_were_named_can_be_opened(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_sandbox.XXXXXX";
    char mine[64];
    assert_non_null(mkdtemp(dir));
    snprintf(mine, sizeof(mine), "%s/mine", dir);
    pid_t pid = fork();
    if (pid == 0) {
        struct tm_err e = {0};
        const struct tm_sandbox_path p[] = {{dir, SANDBOX_USE_WRITE},
                                            {"/usr", SANDBOX_USE_READ},
                                            {"/etc", SANDBOX_USE_LIST},
                                            {"/no/such", SANDBOX_USE_WRITE}};
        if (tm_sandbox_begin(&e) != 0 || tm_sandbox_paths(p, 4, &e) != 0)
            _exit(99);
        int made = open(mine, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        int read_only = open("/usr/made-by-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        int names = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int other = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        _exit(made < 0 ? 1 : read_only >= 0 ? 2 : names < 0 ? 3 : other >= 0 ? 77 : 0);
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    unlink(mine);
    rmdir(dir);
    if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
        skip(); /* a kernel without Landlock */
    assert_true(WIFEXITED(st));
    assert_int_equal(WEXITSTATUS(st), 0);
}

static void a_user_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct tm_err e = {0};
    assert_int_equal(tm_sandbox_user("no-such-user-here", &e), -1);
    assert_non_null(strstr(e.text, "no-such-user-here"));
}

static void root_keeps_its_rights_over_files_only(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        struct tm_err e = {0};
        struct timex t = {.modes = ADJ_OFFSET};
        if (tm_sandbox_user(NULL, &e) != 0)
            _exit(1);
        int file = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
        _exit(file < 0 ? 2 : adjtimex(&t) >= 0 ? 3 : setresuid(1, 1, 1) == 0 ? 4 : 0);
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    assert_true(WIFEXITED(st));
    assert_int_equal(WEXITSTATUS(st), 0);
}

static void root_becomes_the_user_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        struct tm_err e = {0};
        int rc = tm_sandbox_user("nobody", &e);
        _exit(rc == 0 && geteuid() != 0 && getuid() == geteuid() && setuid(0) != 0 &&
                      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
                  ? 0
                  : 1);
    }
    int st = 0;
    assert_int_equal(waitpid(pid, &st, 0), pid);
    assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
}

int main(void)
{
    const struct CMUnitTest enforced[] = {
        cmocka_unit_test(each_use_needs_its_right),
        cmocka_unit_test(who_takes_connections_hears_that_its_pairs_are_not_tcp),
        cmocka_unit_test(bits_above_an_int_pass_nothing_by),
        cmocka_unit_test(clone3_makes_no_process),
        cmocka_unit_test(a_right_allows_nothing_else),
        cmocka_unit_test(memory_threads_and_time_need_no_right),
        cmocka_unit_test(threads_that_ran_before_are_bound_too),
        cmocka_unit_test(only_the_paths_that_were_named_can_be_opened),
    };
    const struct CMUnitTest always[] = {
        cmocka_unit_test(no_core_no_dump_no_new_rights_after_the_beginning),
        cmocka_unit_test(a_user_that_is_not_there_is_an_error),
        cmocka_unit_test(root_keeps_its_rights_over_files_only),
        cmocka_unit_test(root_becomes_the_user_for_good),
    };
    int rc = tm_sandbox_enforced() ? cmocka_run_group_tests(enforced, NULL, NULL) : 0;
    return rc + cmocka_run_group_tests(always, NULL, NULL);
}
