/* SPDX-License-Identifier: MIT */
/* Answers: files below /www, the state of the system, and mistakes. */
#include "httpd.h"

#include <client/fs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/www"

static const struct {
    unsigned status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

static const char *text_of(unsigned status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status)
            return statuses[i].text;
    }
    return "Error";
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".ico", "image/x-icon"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

void answer_init(struct answer *answer)
{
    answer->have = answer->sent = 0;
    answer->file = answer->position = answer->left = 0;
    answer->text = NULL;
}

/* The head of an answer with a body of `length` bytes; `more` are further lines. */
static void put_head(struct answer *answer, unsigned status, const char *type, uint64_t length, bool keep,
                     const char *more)
{
    answer->sent = 0;
    answer->have =
        (size_t)snprintf(answer->out, sizeof(answer->out),
                         "HTTP/1.1 %u %s\r\nServer: Cardea\r\nContent-Type: %s\r\n"
                         "Content-Length: %" PRIu64 "\r\nConnection: %s\r\n%s\r\n",
                         status, text_of(status), type, length, keep ? "keep-alive" : "close", more);
}

static void put_mistake(struct answer *answer, unsigned status, bool keep, bool head_only, const char *more)
{
    char body[128];
    int length = snprintf(body, sizeof(body), "%u %s\n", status, text_of(status));

    put_head(answer, status, "text/plain; charset=utf-8", (uint64_t)length, keep, more);
    if (head_only)
        return;
    memcpy(answer->out + answer->have, body, (size_t)length);
    answer->have += (size_t)length;
}

void answer_mistake(struct answer *answer, unsigned status)
{
    put_mistake(answer, status, false, false, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

/* Where the range begins in a body of `size` bytes, and how long it is; false: nowhere. */
static bool find_range(const struct request *request, uint64_t size, uint64_t *first, uint64_t *length)
{
    if (request->first == UINT64_MAX) {
        *length = request->last < size ? request->last : size;
        *first = size - *length;
        return *length > 0;
    }
    *first = request->first;
    if (*first >= size)
        return false;
    *length = (request->last < size ? request->last + 1 : size) - *first;
    return true;
}

static void answer_file(struct answer *answer, const struct request *request, uint64_t size, const char *path)
{
    char more[96] = "Accept-Ranges: bytes\r\n";
    uint64_t first = 0, length = size;
    unsigned status = 200;

    if (request->has_range && !find_range(request, size, &first, &length)) {
        snprintf(more, sizeof(more), "Content-Range: bytes */%" PRIu64 "\r\n", size);
        answer_end(answer);
        put_mistake(answer, 416, request->keep, request->head_only, more);
        return;
    }
    if (request->has_range) {
        status = 206;
        snprintf(more, sizeof(more), "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", first,
                 first + length - 1, size);
    }
    put_head(answer, status, type_of(path), length, request->keep, more);
    answer->position = first;
    answer->left = request->head_only ? 0 : length;
}

static void answer_status(struct answer *answer, const struct request *request)
{
    answer->text = status_text(&answer->text_length);
    if (answer->text == NULL) {
        put_mistake(answer, 503, request->keep, request->head_only, "");
        return;
    }
    put_head(answer, 200, "application/json", answer->text_length, request->keep,
             "Cache-Control: no-store\r\n");
    answer->left = request->head_only ? 0 : answer->text_length;
}

void answer_request(struct answer *answer, const struct request *request)
{
    char path[sizeof(ROOT) + MAX_PATH + 16];
    struct fs_stat stat;

    answer_init(answer);
    if (strcmp(request->path, "/status.json") == 0) {
        answer_status(answer, request);
        return;
    }
    size_t length = strlen(request->path);
    snprintf(path, sizeof(path), ROOT "%s%s", request->path,
             request->path[length - 1] == '/' ? "index.html" : "");
    enum error error = file_open(path, 0, 0, &answer->file, &stat);
    if (!error && stat.type != FS_FILE) {
        answer_end(answer);
        error = ERR_NOT_FOUND;
    }
    if (error)
        put_mistake(answer, error == ERR_TOO_MANY ? 503 : 404, request->keep, request->head_only, "");
    else
        answer_file(answer, request, stat.size, path);
}

static bool fill_from_file(struct answer *answer)
{
    size_t size = answer->left < sizeof(answer->out) ? answer->left : sizeof(answer->out), count = 0;
    enum error error = file_read(answer->file, answer->position, answer->out, size, &count);

    answer->have = error ? 0 : count;
    answer->position += answer->have;
    return answer->have > 0;
}

static bool fill_from_text(struct answer *answer)
{
    size_t size = answer->left < sizeof(answer->out) ? answer->left : sizeof(answer->out);

    memcpy(answer->out, answer->text + answer->position, size);
    answer->position += size;
    answer->have = size;
    return true;
}

bool answer_fill(struct answer *answer)
{
    answer->sent = answer->have = 0;
    if (answer->left == 0)
        return false;
    bool more = answer->text != NULL ? fill_from_text(answer) : fill_from_file(answer);
    answer->left -= answer->have;
    return more;
}

void answer_end(struct answer *answer)
{
    if (answer->file != 0)
        file_close(answer->file);
    free(answer->text);
    answer_init(answer);
}
