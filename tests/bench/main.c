/*
 * bench throughput REQUESTS TARGET… < TOKEN   against the crypto limit
 * bench logged REQUESTS TARGET… < TOKEN       the same with the embedded log and embedded SCTs
 * bench against REQUESTS BASE NOW < TOKEN     what a certificate costs NOW by what it costs BASE
 * bench forms REQUESTS TARGET < TOKEN         each form of request against its own limit
 * bench memory REQUESTS TARGET < TOKEN        resident memory along the way
 * bench tls REQUESTS PLAIN TLS < TOKEN         new TLS connections against kept ones without TLS
 * bench overload 1 TARGET < TOKEN             three times as many requests as it can serve
 * bench soak SECONDS TARGET < TOKEN           judges each answer
 * bench latency TRIES TARGET < TOKEN          under an open-loop load
 * bench grpc REQUESTS TARGET < TOKEN          certificates by gRPC beside JSON
 * bench floor REQUESTS IN,OUT,CONNECTIONS     what loopback TCP alone costs a server, us a request
 *
 * TARGET is NAME=PORT,PID,CONNECTIONS: a CA that trusts the token's issuer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

#define TARGETS_MAX 4

static int usage(void)
{
    fputs(
        "usage: bench throughput|logged|against|forms|memory|tls|overload|soak|latency|grpc COUNT "
        "NAME=PORT,PID,CONNECTIONS… < TOKEN\n"
        "       bench floor COUNT IN,OUT,CONNECTIONS\n",
        stderr);
    return 2;
}

int main(int argc, char **argv)
{
    char token[32768] = "";
    struct target targets[TARGETS_MAX];
    if (argc == 4 && strcmp(argv[1], "floor") == 0)
        return floor_print(argv[3], atol(argv[2])) == 0 ? 0 : usage();
    if (argc < 4 || argc > 3 + TARGETS_MAX || fgets(token, sizeof(token), stdin) == NULL)
        return usage();
    token[strcspn(token, "\r\n")] = '\0';
    long count = atol(argv[2]);
    size_t n = (size_t)argc - 3;
    bool all = strcmp(argv[1], "forms") == 0;
    for (enum form f = FORM_P256; f < (all ? FORMS : FORM_P256 + 1); f++)
        client_prepare(token, f);
    for (size_t i = 0; i < n; i++)
        target_open(&targets[i], argv[3 + i]);
    int rc = 0;
    if (strcmp(argv[1], "throughput") == 0)
        measure_throughput(targets, n, count, 1);
    else if (strcmp(argv[1], "logged") == 0)
        measure_throughput(targets, n, count, 3);
    else if (strcmp(argv[1], "against") == 0 && n == 2)
        measure_against(&targets[0], &targets[1], count);
    else if (all)
        measure_forms(&targets[0], count);
    else if (strcmp(argv[1], "memory") == 0)
        measure_memory(&targets[0], count);
    else if (strcmp(argv[1], "tls") == 0 && n == 2)
        measure_tls(&targets[0], &targets[1], count);
    else if (strcmp(argv[1], "soak") == 0)
        measure_soak(&targets[0], count);
    else if (strcmp(argv[1], "overload") == 0)
        measure_overload(&targets[0]);
    else if (strcmp(argv[1], "latency") == 0)
        measure_latency(&targets[0], (int)count);
    else if (strcmp(argv[1], "grpc") == 0)
        measure_grpc(&targets[0], token, count);
    else
        rc = usage();
    for (size_t i = 0; i < n; i++)
        target_close(&targets[i]);
    client_forget();
    return rc;
}
