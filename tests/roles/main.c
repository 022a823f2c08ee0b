/*
 * roles CONFIG: starts the processes of `tenmint-ca serve` as serve does and has each, once it has
 * given up what it does not need, try what a stranger in it would: the table says what becomes of
 * each attempt. 0: all as expected; 1: not; 77: this build has no sandbox.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"
#include "tests/roles/attempts.h"

/* ---- attempts: 0, or -1 with errno ---- */

static struct roles *ours; /* for attempts that need the configuration */
static pid_t parent;       /* to ask for it is forbidden, too */

static int keep(int fd)
{
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int read_a_file(void)
{
    return keep(open("/etc/shadow", O_RDONLY | O_CLOEXEC));
}

/* The ways to a key: by its name, or by asking the parent, which opens what was replaced. */
static int read_key(const struct ca_config_key *k)
{
    return keep(open(k->file, O_RDONLY | O_CLOEXEC));
}

static int ask_for_key(const struct ca_config_key *k)
{
    return keep(tm_process_open(ours->group, k->file, false));
}

static int read_the_ca_key(void)
{
    return read_key(&ours->config->ca.key);
}

static int read_the_log_key(void)
{
    return read_key(&ours->config->ct.embedded.key);
}

static int read_the_signature_log_key(void)
{
    return read_key(&ours->config->signatures.key);
}

static int read_the_timestamp_key(void)
{
    return read_key(&ours->config->tsa.key);
}

static int read_the_audit_key(void)
{
    return read_key(&ours->config->audit_store.key);
}

static int read_the_password(void)
{
    return keep(open(ours->config->ca.key.password_file, O_RDONLY | O_CLOEXEC));
}

static int ask_for_the_ca_key(void)
{
    return ask_for_key(&ours->config->ca.key);
}

static int ask_for_the_log_key(void)
{
    return ask_for_key(&ours->config->ct.embedded.key);
}

static int ask_for_the_timestamp_key(void)
{
    return ask_for_key(&ours->config->tsa.key);
}

static int ask_to_write_the_ca_key(void)
{
    return keep(tm_process_open(ours->group, ours->config->ca.key.file, true));
}

/* It lies beside the server's keys, when HOME is their folder; who replaced it expects it read. */
static int ask_for_the_credential(void)
{
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    snprintf(path, sizeof(path), "%s/.vault-token", home != NULL ? home : "");
    return keep(tm_process_open(ours->group, path, false));
}

/* None of the server's is to have it. */
static int read_beside(const char *file, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(file, '/') - file), file, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        fprintf(stderr, "'%s' is not there\n", path);
        abort();
    }
    return keep(fd);
}

static int read_the_root_key(void)
{
    return read_beside(ours->config->ca.chain, "root.key");
}

static int read_the_trust_roots_online_key(void)
{
    return read_beside(ours->config->ca.chain, "tuf-online.key");
}

static int read_the_holders_key(void)
{
    return read_beside(ours->config->ca.chain, "tuf-admin.key");
}

static int read_what_is_beside_the_anchor(void)
{
    return read_beside(ours->config->ct.embedded.anchor, "other.key");
}

static int look_at_a_file(void)
{
    struct stat st;
    return stat("/etc/passwd", &st);
}

static int ask_how_the_clock_is_kept(void)
{
    struct timex t = {0};
    return adjtimex(&t) >= 0 ? 0 : -1;
}

static int adjust_the_clock(void)
{
    struct timex t = {.modes = ADJ_OFFSET};
    return adjtimex(&t) >= 0 ? 0 : -1;
}

static int read_a_neighbours_memory(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
    return keep(open(path, O_RDONLY | O_CLOEXEC));
}

static int write_a_file(void)
{
    return keep(open("/tmp/roles.made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int write_to_the_log(void)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/state/roles.made", ours->config->ct.embedded.directory);
    if (keep(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) != 0)
        return -1;
    return unlink(path);
}

static int internet_socket(void)
{
    return keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int local_socket(void)
{
    return keep(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int packet_socket(void)
{
    return keep(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int connect_out(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd >= 0 ? fd : 0, (const struct sockaddr *)&a, sizeof(a)) != 0 &&
        errno == ECONNREFUSED)
        errno = 0; /* it got there */
    return errno == 0 ? 0 : -1;
}

static int listen_for_others(void)
{
    return listen(0, 1) == 0 || errno == ENOTSOCK || errno == EOPNOTSUPP || errno == EINVAL ? 0
                                                                                            : -1;
}

static int run_a_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int make_a_process(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : -1;
}

static int trace_the_parent(void)
{
    return ptrace(PTRACE_ATTACH, parent, NULL, NULL) == 0 ? 0 : -1;
}

static int peek_at_the_parent(void)
{
    char c;
    struct iovec here = {&c, 1};
    struct iovec there = {(void *)&ours, 1};
    return process_vm_readv(parent, &here, 1, &there, 1, 0) == 1 ? 0 : -1;
}

static int signal_the_parent(void)
{
    return kill(parent, 0);
}

static int be_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int map_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? 0 : -1;
}

static int make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int be_root(void)
{
    return setresuid(0, 0, 0);
}

static int new_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}

static int mount_something(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static int set_the_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return clock_settime(CLOCK_REALTIME, &t);
}

static int use_io_uring(void)
{
    char room[256] = {0};
    return keep((int)syscall(SYS_io_uring_setup, 1, room));
}

static int load_bpf(void)
{
    char room[128] = {0};
    return (int)syscall(SYS_bpf, 0, room, sizeof(room));
}

static int use_keyrings(void)
{
    return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0);
}

static int file_in_memory(void)
{
    return keep(memfd_create("x", MFD_CLOEXEC));
}

enum outcome {
    KILLED,
    DENIED, /* an error: not its file */
    DONE,   /* it is what the process is for, or harms nobody */
    OUTCOMES
};
#define BIT(role) (1U << (role))
#define ALL (BIT(ROLE_COUNT) - 1)
#define FILES (ALL & ~BIT(ROLE_FRONT))
/* That of audit heads too. */
#define LOGS (BIT(ROLE_AUDIT) | BIT(ROLE_LOG) | BIT(ROLE_SIGNATURES))
#define DATES (LOGS | BIT(ROLE_TIMESTAMPS) | BIT(ROLE_ISSUER))
/* Their keys are encrypted with the one password of `init`. */
#define KEYED DATES
static const char *const outcome_names[OUTCOMES] = {"killed", "denied", "done"};

static const struct {
    const char *what;
    int (*attempt)(void);
} attempts[] = {
    {"read /etc/shadow", read_a_file},
    {"read the CA's key", read_the_ca_key},
    {"read the log's key", read_the_log_key},
    {"read the signature log's key", read_the_signature_log_key},
    {"read the timestamps' key", read_the_timestamp_key},
    {"read the audit trail's key", read_the_audit_key},
    {"read the keys' password", read_the_password},
    {"read the root's key", read_the_root_key},
    {"read the trust root's online key", read_the_trust_roots_online_key},
    {"read a holder's key", read_the_holders_key},
    {"read what is beside the anchor", read_what_is_beside_the_anchor},
    {"ask for the CA's key", ask_for_the_ca_key},
    {"ask for the log's key", ask_for_the_log_key},
    {"ask for the timestamps' key", ask_for_the_timestamp_key},
    {"ask to write the CA's key", ask_to_write_the_ca_key},
    {"ask for the credential", ask_for_the_credential},
    {"look at a file", look_at_a_file},
    {"read the parent's memory", read_a_neighbours_memory},
    {"write a file", write_a_file},
    {"write into the log", write_to_the_log},
    {"make a TCP socket", internet_socket},
    {"make a local socket", local_socket},
    {"make a packet socket", packet_socket},
    {"connect", connect_out},
    {"listen", listen_for_others},
    {"run a program", run_a_program},
    {"make a process", make_a_process},
    {"trace the parent", trace_the_parent},
    {"peek at the parent", peek_at_the_parent},
    {"signal the parent", signal_the_parent},
    {"be dumpable", be_dumpable},
    {"map memory to write and run", map_code},
    {"make memory run", make_code},
    {"become root", be_root},
    {"make a namespace", new_namespace},
    {"mount", mount_something},
    {"set the clock", set_the_clock},
    {"ask how the clock is kept", ask_how_the_clock_is_kept},
    {"adjust the clock", adjust_the_clock},
    {"use io_uring", use_io_uring},
    {"load a BPF program", load_bpf},
    {"use keyrings", use_keyrings},
    {"make a file in memory", file_in_memory},
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* What is not here is killed. */
static const struct {
    unsigned roles; /* a bit for each */
    int (*attempt)(void);
    enum outcome outcome;
} expected[] = {
    /* The front opens no file, so it does not come to that it may not. */
    {FILES, read_a_file, DENIED},
    {FILES & ~BIT(ROLE_ISSUER), read_the_ca_key, DENIED},
    {FILES & ~BIT(ROLE_LOG), read_the_log_key, DENIED},
    {FILES & ~BIT(ROLE_SIGNATURES), read_the_signature_log_key, DENIED},
    {FILES & ~BIT(ROLE_TIMESTAMPS), read_the_timestamp_key, DENIED},
    {FILES & ~BIT(ROLE_AUDIT), read_the_audit_key, DENIED},
    {FILES & ~KEYED, read_the_password, DENIED},
    {FILES, read_the_root_key, DENIED},
    {FILES, read_the_trust_roots_online_key, DENIED},
    {FILES, read_the_holders_key, DENIED},
    {FILES, read_what_is_beside_the_anchor, DENIED},
    {FILES, read_a_neighbours_memory, DENIED},
    {FILES, look_at_a_file, DONE},
    /* Each reads its own key, which may be replaced. */
    {BIT(ROLE_ISSUER), read_the_ca_key, DONE},
    {BIT(ROLE_LOG), read_the_log_key, DONE},
    {BIT(ROLE_SIGNATURES), read_the_signature_log_key, DONE},
    {BIT(ROLE_TIMESTAMPS), read_the_timestamp_key, DONE},
    {BIT(ROLE_AUDIT), read_the_audit_key, DONE},
    {KEYED, read_the_password, DONE},
    {ALL & ~BIT(ROLE_ISSUER), ask_for_the_ca_key, DENIED},
    {ALL & ~BIT(ROLE_LOG), ask_for_the_log_key, DENIED},
    {ALL & ~BIT(ROLE_TIMESTAMPS), ask_for_the_timestamp_key, DENIED},
    {BIT(ROLE_ISSUER), ask_for_the_ca_key, DONE},
    {BIT(ROLE_LOG), ask_for_the_log_key, DONE},
    {BIT(ROLE_TIMESTAMPS), ask_for_the_timestamp_key, DONE},
    {ALL, ask_to_write_the_ca_key, DENIED},
    {ALL & ~BIT(ROLE_KEYS), ask_for_the_credential, DENIED},
    {BIT(ROLE_KEYS), ask_for_the_credential, DONE},
    /* Who dates things asks, and has no right to set it. */
    {DATES, ask_how_the_clock_is_kept, DONE},
    {DATES, adjust_the_clock, DENIED},
    {LOGS, write_a_file, DENIED},
    {BIT(ROLE_LOG), write_to_the_log, DONE},
    {BIT(ROLE_SIGNATURES) | BIT(ROLE_AUDIT), write_to_the_log, DENIED},
    /* It looks up names and reads CA certificates, and nothing else of /etc. */
    {BIT(ROLE_FETCH) | BIT(ROLE_KEYS), internet_socket, DONE},
    {BIT(ROLE_FETCH) | BIT(ROLE_KEYS), local_socket, DONE},
    {BIT(ROLE_FETCH) | BIT(ROLE_KEYS), connect_out, DONE},
    /* It writes its own index. */
    {BIT(ROLE_PAGES), write_a_file, DENIED},
    {BIT(ROLE_PAGES), write_to_the_log, DENIED},
};

static enum outcome outcome_of(enum role_name role, size_t attempt)
{
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        if ((expected[i].roles & BIT(role)) != 0 &&
            expected[i].attempt == attempts[attempt].attempt)
            return expected[i].outcome;
    }
    return KILLED;
}

/* ---- processes ---- */

static int (*real_start[ROLE_COUNT])(void *roles, unsigned step, struct tm_err *e);
static const struct attempt_hooks *hooks;

static int start(void *roles, unsigned step, struct tm_err *e)
{
    struct roles *r = roles;
    enum role_name self = tm_process_self(r->group);
    if (step > 0)
        return hooks->attempt(r, step, e);
    if (hooks->before != NULL)
        hooks->before(r, self);
    return real_start[self](roles, step, e);
}

static void give_listener(const struct roles *r, enum role_file what)
{
    struct tm_err e = {0};
    int fd = -1;
    if (tm_http_listen_open("127.0.0.1:0", &fd, &e) == 0)
        tm_process_give(r->group, ROLE_FRONT, what, fd);
}

int attempts_begin(struct roles *r, enum role_name role, const struct attempt_hooks *h)
{
    struct tm_err e = {0};
    hooks = h;
    int rc = tm_sandbox_begin(&e) == 0 && roles_link(r, &e) == 0 ? 0 : 1;
    for (unsigned i = 0; i < ROLE_COUNT && rc == 0; i++) {
        real_start[i] = r->started[i].start;
        if (r->started[i].start != NULL)
            r->started[i].start = start;
    }
    rc = rc == 0 && tm_process_fork(r->group, &e) == 0 ? 0 : 1;
    if (rc == 0 && role == ROLE_FRONT)
        give_listener(r, FILE_LISTEN);
    if (rc == 0 && role == ROLE_FRONT && r->config->metrics_listen != NULL)
        give_listener(r, FILE_METRICS);
    for (unsigned i = 0; i <= role && rc == 0; i++)
        rc = tm_process_step(r->group, i, 0, &e);
    if (rc == 0 && r->started[role].start == NULL)
        rc = tm_err_set(&e, "the configuration has not all roles");
    if (rc != 0)
        fprintf(stderr, "roles: %s\n", e.text);
    return rc;
}

void attempts_end(struct roles *r)
{
    tm_process_group_free(r->group);
    r->group = NULL;
}

static int attempt_one(struct roles *r, unsigned step, struct tm_err *e)
{
    (void)r;
    errno = 0;
    if (attempts[step - 1].attempt() == 0)
        return 0;
    tm_err_set(e, "%s", strerror(errno));
    return 10;
}

static int attempt_all(struct roles *r, enum role_name role)
{
    static const struct attempt_hooks h = {attempt_one, NULL};
    int wrong = 0;
    bool running = false;
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        struct tm_err e = {0};
        if (!running && attempts_begin(r, role, &h) != 0)
            return 1;
        int rc = tm_process_step(r->group, role, i + 1, &e);
        running = rc != 1;
        enum outcome got = rc == 0 ? DONE : rc == 1 ? KILLED : DENIED;
        bool by_filter = rc != 1 || strstr(e.text, "a system call that it had given up") != NULL;
        enum outcome want = outcome_of(role, i);
        bool as_expected = got == want && by_filter;
        printf("%-4s %-10s %-28s %s%s%s\n", as_expected ? "ok" : "FAIL", r->started[role].name,
               attempts[i].what, outcome_names[got], as_expected ? "" : ", want ",
               as_expected ? "" : outcome_names[want]);
        if (!as_expected)
            printf("     %s\n", e.text);
        wrong += !as_expected;
        if (!running || i + 1 == ATTEMPTS)
            attempts_end(r);
    }
    return wrong;
}

/* Prints the names of all roles, or tries those that were named; "noise" is of all channels. */
static int run_named(struct roles *r, int count, char **names)
{
    struct tm_err e = {0};
    int wrong = 0;
    int found = 0;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        if (tm_sandbox_begin(&e) != 0 || roles_link(r, &e) != 0) {
            fprintf(stderr, "roles: %s\n", e.text);
            return 1;
        }
        const char *name = r->started[role].name;
        attempts_end(r);
        if (count == 0)
            puts(name);
        for (int i = 0; i < count; i++) {
            if (strcmp(names[i], name) != 0)
                continue;
            found++;
            wrong += attempt_all(r, role);
        }
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], "noise") != 0)
            continue;
        found++;
        wrong += noise_all(r);
    }
    return found == count ? wrong : wrong + 1;
}

int main(int argc, char **argv)
{
    struct ca_config config;
    struct tm_err e = {0};
    int wrong = 0;
    if (argc < 2 || ca_config_load(argv[1], &config, &e) != 0) {
        fprintf(stderr, "usage: roles CONFIG [ROLE...]: %s\n", e.text);
        return 2;
    }
    if (!tm_sandbox_enforced())
        return 77;
    setvbuf(stdout, NULL, _IOLBF, 0);
    tzset();
    json_object_seed(0); /* as serve: it reads a file */
    parent = getpid();
    struct roles r = {.config = &config, .metrics = ca_metrics_new(), .tokens_fd = -1};
    ours = &r;
    wrong = run_named(&r, argc - 2, argv + 2);
    ca_metrics_free(r.metrics);
    ca_config_free(&config);
    if (argc > 2)
        printf("%d not as expected\n", wrong);
    return wrong == 0 ? 0 : 1;
}
