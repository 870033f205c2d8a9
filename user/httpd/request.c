/* SPDX-License-Identifier: MIT */
/* Heads of requests: picohttpparser takes them apart, here they are judged. */
#include "httpd.h"

#include <picohttpparser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEADERS 64

static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* Whether a list of words, parted by commas, has this one. */
static bool has_word(const struct phr_header *header, const char *word)
{
    const char *at = header->value, *end = at + header->value_len;

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        size_t length = (size_t)(stop - at);
        while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
            length--;
        if (is_word(at, length, word))
            return true;
        at = stop + 1;
    }
    return false;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Decodes the path up to the query. False: it is no path, or has bytes that a path cannot have. */
static bool decode(const char *from, size_t length, char *to)
{
    size_t at = 0;

    if (length == 0 || from[0] != '/')
        return false;
    for (size_t i = 0; i < length && from[i] != '?' && from[i] != '#'; i++) {
        int c = (unsigned char)from[i];
        if (c == '%') {
            if (i + 2 >= length || hex(from[i + 1]) < 0 || hex(from[i + 2]) < 0)
                return false;
            c = hex(from[i + 1]) << 4 | hex(from[i + 2]);
            i += 2;
        }
        if (c == 0 || at == MAX_PATH - 1)
            return false;
        to[at++] = (char)c;
    }
    to[at] = 0;
    return true;
}

/* Whether a segment of the path is `.` or `..`, with which it could leave its directory. */
static bool has_dots(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
        size_t length = strcspn(at + 1, "/");
        if (length > 0 && length <= 2 && strspn(at + 1, ".") == length)
            return true;
    }
    return false;
}

/* bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT; any other range is as if there were none (RFC 9110,
 * 14.2). */
static void read_range(const struct phr_header *header, struct request *request)
{
    char text[64], *end;

    if (header->value_len >= sizeof(text) || strncmp(header->value, "bytes=", 6) != 0)
        return;
    memcpy(text, header->value + 6, header->value_len - 6);
    text[header->value_len - 6] = 0;
    if (strchr(text, ',') != NULL)
        return;
    const char *dash = strchr(text, '-');
    if (dash == NULL)
        return;
    request->first = dash == text ? UINT64_MAX : strtoull(text, &end, 10);
    if (dash != text && end != dash)
        return;
    request->last = dash[1] == 0 ? UINT64_MAX : strtoull(dash + 1, &end, 10);
    if ((dash[1] != 0 && *end != 0) || (dash == text && dash[1] == 0))
        return;
    request->has_range = request->first == UINT64_MAX || request->first <= request->last;
}

/* Returns 0, or the status of a mistake. */
static int judge_headers(const struct phr_header *header, size_t count, int minor, struct request *request)
{
    unsigned hosts = 0;

    request->keep = minor >= 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = header[i].name;
        if (name == NULL)
            return 400; /* folded lines (RFC 9112, 5.2) */
        hosts += is_word(name, header[i].name_len, "host");
        if (is_word(name, header[i].name_len, "connection"))
            request->keep =
                has_word(&header[i], "keep-alive") || (request->keep && !has_word(&header[i], "close"));
        if (is_word(name, header[i].name_len, "transfer-encoding"))
            return 501;
        if (is_word(name, header[i].name_len, "content-length") &&
            !is_word(header[i].value, header[i].value_len, "0"))
            return 413;
        if (is_word(name, header[i].name_len, "range"))
            read_range(&header[i], request);
    }
    return hosts == 1 || (minor == 0 && hosts == 0) ? 0 : 400;
}

int request_read(const char *bytes, size_t size, struct request *request)
{
    struct phr_header header[MAX_HEADERS];
    size_t count = MAX_HEADERS, method_length, path_length;
    const char *method, *path;
    int minor;
    int length = phr_parse_request(bytes, size, &method, &method_length, &path, &path_length, &minor, header,
                                   &count, 0);

    *request = (struct request){.keep = false};
    if (length == -2)
        return size < HEAD_BYTES ? 0 : -431;
    if (length < 0)
        return -400;
    request->head_only = method_length == 4 && memcmp(method, "HEAD", 4) == 0;
    if (!request->head_only && !(method_length == 3 && memcmp(method, "GET", 3) == 0))
        return -405;
    int status = judge_headers(header, count, minor, request);
    if (status != 0)
        return -status;
    if (path_length >= 3 * MAX_PATH)
        return -414;
    return decode(path, path_length, request->path) && !has_dots(request->path) ? length : -400;
}
