/* SPDX-License-Identifier: MIT */
/* Paths as text. */
#pragma once

#include <abi/error.h>
#include <proto/fs.h>

#include <stdbool.h>

#define PATH_SIZE (FS_MAX_PATH + 1)

/* What `path` means in `directory`, an absolute path: ERR_NOT_FOUND for an empty one, ERR_NAME_TOO_LONG when
 * the result is longer than the file server takes. The result is not normalised: what .. means after a
 * symbolic link is the file server's business. */
enum error path_join(char joined[PATH_SIZE], const char *directory, const char *path);
/* Takes the `.`, `..` and doubled slashes out of an absolute path, as text: `..` takes the name before it
 * away. */
void path_normalise(char *path);
