/* SPDX-License-Identifier: MIT */
/* Messages: one line that names the thing and the cause. */
#include "shell.h"
#include "utf8.h"

#include <client/console.h>
#include <client/fs.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

#define WHOLE 255 /* bytes; a longer name is shown by its ends */
#define HEAD  80
#define TAIL  40

struct shown shown(const char *name)
{
    struct shown shown = {.text = ""};
    size_t length = strlen(name), tail = length - TAIL;

    /* Escapes are short enough unless nearly every byte is one; those names end early. */
    if (length <= WHOLE) {
        escape_name(shown.text, sizeof(shown.text), name, length);
        return shown;
    }
    size_t used = escape_name(shown.text, ESCAPED_SIZE(HEAD), name, HEAD);
    while (((uint8_t)name[tail] & 0xc0) == 0x80 && tail < length)
        tail++;
    used += (size_t)snprintf(shown.text + used, sizeof(shown.text) - used, "...");
    escape_name(shown.text + used, sizeof(shown.text) - used, name + tail, length - tail);
    return shown;
}

int complain(const char *command, const char *thing, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s: %s\n", command, shown(thing).text, why);
    return STATUS_FAILED;
}

int complain_error(const char *command, const char *thing, enum error error)
{
    bool gone = error == ERR_PEER_GONE || error == ERR_NO_CAP;

    return complain(command, thing, gone ? "the server for it is gone" : error_text(error));
}

/* Why nothing is mounted, if that is so. */
static bool nothing_mounted(char *why, size_t size)
{
    struct fs_info_reply info = {0};

    if (rt_cap("fs") == 0) {
        snprintf(why, size, "no file system (the shell may not use one)");
        return true;
    }
    if (fs_get_info(&info) || info.mounted)
        return false;
    snprintf(why, size, "no file system (%.*s%s%.*s)", (int)sizeof(info.device), info.device,
             info.device[0] != 0 ? ": " : "", (int)sizeof(info.cause), info.cause);
    return true;
}

void print_boot_problems(void)
{
    struct fs_info_reply info = {0};
    char why[256];

    if (nothing_mounted(why, sizeof(why)))
        printf("%s\n", why);
    else if (!fs_get_info(&info) && info.cause[0] != 0)
        printf("%.*s\n", (int)sizeof(info.cause), info.cause);
}

void fresh_line(void)
{
    struct console_info_reply info = {0};
    struct proto_empty none;

    fflush(stdout);
    if (!console_info(rt_cap("console"), &none, &info) && info.unfinished)
        fprintf(stderr, "\n");
}

int complain_file(const char *command, const char *path, enum error error)
{
    char why[256];

    if (error == ERR_NOT_FOUND)
        return complain(command, path, "no such file or directory");
    if ((error == ERR_NO_FS || error == ERR_CORRUPT || error == ERR_UNSUPPORTED) &&
        nothing_mounted(why, sizeof(why))) {
        return complain(command, path, why);
    }
    return complain_error(command, path, error);
}

void print_name(const char *name, size_t length)
{
    char escaped[ESCAPED_SIZE(UTF8_MAX)];

    while (length > 0) {
        uint32_t code;
        size_t bytes = utf8_decode(name, length, &code);
        size_t used = escape_name(escaped, sizeof(escaped), name, bytes);
        fwrite(escaped, 1, used, stdout);
        name += bytes;
        length -= bytes;
    }
}
