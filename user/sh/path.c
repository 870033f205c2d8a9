/* SPDX-License-Identifier: MIT */
/* Paths as text. */
#include "path.h"

#include <string.h>

enum error path_join(char joined[PATH_SIZE], const char *directory, const char *path)
{
    size_t length = strlen(path), before = path[0] == '/' ? 0 : strlen(directory);
    bool slash = before > 0 && directory[before - 1] != '/';

    if (length == 0)
        return ERR_NOT_FOUND;
    if (length > FS_MAX_PATH || before + slash > FS_MAX_PATH - length)
        return ERR_NAME_TOO_LONG;
    memcpy(joined, directory, before);
    if (slash)
        joined[before++] = '/';
    memcpy(joined + before, path, length + 1);
    return ERR_OK;
}

/* Start of the last name of path[0] to path[used]. */
static size_t parent_end(const char *path, size_t used)
{
    while (used > 0 && path[used - 1] != '/')
        used--;
    return used > 0 ? used - 1 : 0;
}

void path_normalise(char *path)
{
    size_t used = 0; /* path[0] to path[used] is done, without a slash at its end */

    for (const char *from = path; *from != 0;) {
        size_t length = strcspn(from, "/");
        if (length == 2 && memcmp(from, "..", 2) == 0) {
            used = parent_end(path, used);
        } else if (length > 0 && !(length == 1 && from[0] == '.')) {
            path[used] = '/';
            memmove(path + used + 1, from, length);
            used += length + 1;
        }
        from += length + (from[length] == '/');
    }
    used += used == 0;
    path[0] = '/';
    path[used] = 0;
}
