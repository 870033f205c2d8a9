/* SPDX-License-Identifier: MIT */
/* Fetches what a web server has at a URL (HTTP/1.0, RFC 1945), and prints it or writes it into a file. */
#include <client/fs.h>
#include <client/net.h>
#include <rt/rt.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE   16384
#define WAIT_US 20000000

struct url {
    char host[256], path[1024];
    uint16_t port;
};

struct output {
    bool to_file;
    uint64_t file, written;
};

static char bytes[PIECE + 1];

static int fail(const char *what, enum error error)
{
    fprintf(stderr, "wget: %s: %s\n", what, error_text(error));
    return 1;
}

/* [http://]HOST[:PORT][/PATH] */
static bool read_url(const char *text, struct url *url)
{
    if (strncmp(text, "http://", 7) == 0)
        text += 7;
    size_t length = strcspn(text, ":/");
    const char *rest = text + length;
    unsigned long port = 80;
    char *end;

    if (length == 0 || length >= sizeof(url->host))
        return false;
    memcpy(url->host, text, length);
    url->host[length] = 0;
    if (*rest == ':') {
        port = strtoul(rest + 1, &end, 10);
        rest = end;
    }
    url->port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX && (*rest == 0 || *rest == '/') &&
           strlen(rest) < sizeof(url->path) && strcpy(url->path, *rest == 0 ? "/" : rest) != NULL;
}

static enum error ask(const struct url *url, uint64_t *socket)
{
    struct net_address address = {.port = url->port};
    char request[sizeof(url->host) + sizeof(url->path) + 64];
    enum error error = net_find(url->host, NET_ANY, WAIT_US, &address);

    if (!error)
        error = socket_open(NET_TCP, socket);
    if (!error)
        error = socket_connect(*socket, &address, WAIT_US);
    if (error)
        return error;
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: Cardea\r\n\r\n", url->path, url->host);
    return socket_send(*socket, request, (size_t)length, WAIT_US, NULL);
}

/* Receives until the head is all there; *body is where it ends, *have how many bytes came. */
static enum error receive_head(uint64_t socket, size_t *body, size_t *have)
{
    size_t count = 1;
    const char *end = NULL;
    enum error error = ERR_OK;

    for (*have = 0; !error && end == NULL && *have < PIECE && count > 0; *have += count) {
        error = socket_receive(socket, bytes + *have, PIECE - *have, WAIT_US, &count);
        if (error)
            return error;
        bytes[*have + count] = 0;
        end = strstr(bytes, "\r\n\r\n");
    }
    *body = end != NULL ? (size_t)(end + 4 - bytes) : 0;
    return end != NULL ? ERR_OK : ERR_CORRUPT;
}

static enum error put(struct output *output, const char *from, size_t size)
{
    size_t done = size;
    enum error error = ERR_OK;

    if (output->to_file)
        error = file_write(output->file, output->written, from, size, &done);
    else
        fwrite(from, 1, size, stdout);
    output->written += done;
    return error;
}

/* What the head says of the body's length; UINT64_MAX: nothing. */
static uint64_t length_told(const char *head)
{
    for (const char *line = strchr(head, '\n'); line != NULL && line[1] != '\r';
         line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, "content-length:", 15) == 0)
            return strtoull(line + 16, NULL, 10);
    }
    return UINT64_MAX;
}

static enum error fetch(uint64_t socket, struct output *output, uint64_t *wanted)
{
    size_t body, have, count = 1;
    enum error error = receive_head(socket, &body, &have);

    if (error)
        return error;
    if (strncmp(bytes, "HTTP/1.", 7) != 0 || strncmp(bytes + 8, " 200 ", 5) != 0) {
        fprintf(stderr, "wget: %.*s\n", (int)strcspn(bytes, "\r\n"), bytes);
        return ERR_NOT_FOUND;
    }
    *wanted = length_told(bytes);
    error = put(output, bytes + body, have - body);
    while (!error && count > 0) {
        error = socket_receive(socket, bytes, PIECE, WAIT_US, &count);
        if (!error)
            error = put(output, bytes, count);
    }
    return error;
}

int main(int argc, char **argv)
{
    struct output output = {.to_file = argc == 3};
    uint64_t socket, wanted = UINT64_MAX;
    struct url url;

    if (argc < 2 || argc > 3 || !read_url(argv[1], &url)) {
        fprintf(stderr, "usage: wget [http://]HOST[:PORT][/PATH] [FILE]\n");
        return 2;
    }
    enum error error = ask(&url, &socket);
    if (error)
        return fail(argv[1], error);
    if (output.to_file)
        error = file_create(argv[2], 0, FS_CREATE | FS_TRUNCATE, 0644, &output.file, NULL);
    if (error)
        return fail(argv[2], error);
    error = fetch(socket, &output, &wanted);
    if (output.to_file)
        file_close(output.file);
    fflush(stdout);
    if (error)
        return fail(argv[1], error);
    if (wanted != UINT64_MAX && wanted != output.written) {
        fprintf(stderr, "wget: %" PRIu64 " of %" PRIu64 " bytes came\n", output.written, wanted);
        return 1;
    }
    return 0;
}
