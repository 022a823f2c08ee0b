/* A channel that anybody writes to: what it takes for messages is written back byte for byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/ipc/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wide {
    uint64_t a;
    const char *text;
    struct tm_ipc_bytes bytes;
    const char *last;
    int fd;
};
static const struct tm_ipc_field wide_fields[] = {
    TM_IPC_FIELD(struct wide, a, IPC_U64, 0),        TM_IPC_FIELD(struct wide, text, IPC_TEXT, 64),
    TM_IPC_FIELD(struct wide, bytes, IPC_BYTES, 96), TM_IPC_FIELD(struct wide, last, IPC_TEXT, 8),
    TM_IPC_FIELD(struct wide, fd, IPC_FD, 0),
};
struct narrow {
    uint64_t a;
};
static const struct tm_ipc_field narrow_fields[] = {TM_IPC_FIELD(struct narrow, a, IPC_U64, 0)};
static const struct tm_ipc_form forms[] = {
    TM_IPC_FORM(struct wide, wide_fields),
    TM_IPC_FORM(struct narrow, narrow_fields),
};
static const struct tm_ipc_protocol protocol = {forms, 2, 0};

/* One message: what a form takes, it puts as the same bytes. */
static void one_message(const uint8_t *data, size_t size)
{
    struct wide w;
    struct tm_buf again = {0};
    struct tm_err e = {0};
    if (tm_ipc_form_take(&forms[0], data, size, -1, &w, &e) != 0)
        return;
    if (tm_ipc_form_put(&forms[0], &w, &again, &e) != 0 || again.len != size ||
        memcmp(again.data, data, size) != 0)
        abort();
    tm_buf_free(&again);
}

static void a_stream(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct wide w;
    unsigned type = 0;
    int fd[2];
    int rc = 0;
    if (size > 16384 || tm_ipc_pair(fd, &e) != 0)
        return;
    struct tm_ipc_channel *a = tm_ipc_channel_new(fd[0], &protocol, &e);
    struct tm_ipc_channel *b = tm_ipc_channel_new(fd[1], &protocol, &e);
    (void)send(tm_ipc_channel_fd(a), data, size, MSG_DONTWAIT);
    while (rc >= 0 && tm_ipc_fill(b, &e) > 0) {
        while ((rc = tm_ipc_next(b, &type, &w, sizeof(w), &e)) > 0) {
            if (type >= 2)
                abort();
        }
    }
    tm_ipc_channel_free(a);
    tm_ipc_channel_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        one_message(data + 1, size - 1);
    else
        a_stream(data + 1, size - 1);
    return 0;
}
