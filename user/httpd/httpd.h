/* SPDX-License-Identifier: MIT */
/* What the files of httpd share: connections, requests, and what they are answered with. */
#pragma once

#include <client/net.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_BYTES      8192 /* the longest head of a request */
#define OUT_BYTES       16384
#define MAX_PATH        512
#define MAX_CONNECTIONS 64

/* A request, out of its head. Texts are terminated. */
struct request {
    bool head_only;      /* HEAD */
    bool keep;           /* the connection stays open */
    char path[MAX_PATH]; /* decoded, begins with a slash, has no query and no segments . or .. */
    bool has_range;
    uint64_t first, last; /* of the range; last may be UINT64_MAX; first UINT64_MAX: the last `last` bytes */
};

/* Reads a head of at most `size` bytes (RFC 9112). Returns how many bytes it has, 0 when it is not all there
 * yet; on a mistake -STATUS, the status (RFC 9110) that says which. */
int request_read(const char *bytes, size_t size, struct request *request);

/* What is left to be sent of an answer: first its head, then the body. */
struct answer {
    char out[OUT_BYTES];
    size_t have, sent;       /* bytes of `out` */
    uint64_t file;           /* handle, 0: none */
    uint64_t position, left; /* of the file */
    char *text;              /* or a body that was made */
    size_t text_length;
};

/* Nothing is to be sent. */
void answer_init(struct answer *answer);
/* Begins the answer to a request, or the one that tells of a mistake. */
void answer_request(struct answer *answer, const struct request *request);
void answer_mistake(struct answer *answer, unsigned status);
/* Fills `out` with what comes next; false: all has been sent. */
bool answer_fill(struct answer *answer);
/* Gives back what it holds. */
void answer_end(struct answer *answer);

/* The state of the system as JSON, in memory of malloc(); NULL: none. */
char *status_text(size_t *length);
