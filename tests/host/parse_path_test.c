/* SPDX-License-Identifier: MIT */
/* Paths of the shell as text. */
// sources: user/sh/path.c
// flags: -Iuser/sh
#include "support.h"

#include <path.h>

static void check_normal(const char *path, const char *expected)
{
    char copy[PATH_SIZE];

    strcpy(copy, path);
    path_normalise(copy);
    cr_assert_str_eq(copy, expected, "'%s' became '%s'", path, copy);
}

Test(path, normalised)
{
    check_normal("/", "/");
    check_normal("//", "/");
    check_normal("/bin", "/bin");
    check_normal("/bin/", "/bin");
    check_normal("//a///b//", "/a/b");
    check_normal("/a/./b/.", "/a/b");
    check_normal("/a/../b", "/b");
    check_normal("/a/b/../..", "/");
    check_normal("/..", "/");
    check_normal("/../../x", "/x");
    check_normal("/.a/..b/...", "/.a/..b/...");
}

Test(path, joined)
{
    char joined[PATH_SIZE];

    cr_assert_eq(path_join(joined, "/", "bin"), ERR_OK);
    cr_assert_str_eq(joined, "/bin");
    cr_assert_eq(path_join(joined, "/usr", "../x/"), ERR_OK);
    cr_assert_str_eq(joined, "/usr/../x/");
    cr_assert_eq(path_join(joined, "/usr", "/etc"), ERR_OK);
    cr_assert_str_eq(joined, "/etc");
    cr_assert_eq(path_join(joined, "/usr", ""), ERR_NOT_FOUND);
}

Test(path, longest)
{
    char *joined = malloc(PATH_SIZE), *path = malloc(FS_MAX_PATH + 2);

    memset(path, 'x', FS_MAX_PATH + 1);
    path[0] = '/';
    path[FS_MAX_PATH + 1] = 0;
    cr_assert_eq(path_join(joined, "/", path), ERR_NAME_TOO_LONG);
    path[FS_MAX_PATH] = 0;
    cr_assert_eq(path_join(joined, "/", path), ERR_OK);
    cr_assert_str_eq(joined, path);
    cr_assert_eq(path_join(joined, "/", path + 1), ERR_OK);
    cr_assert_eq(path_join(joined, "/a", path + 1), ERR_NAME_TOO_LONG);
    cr_assert_eq(path_join(joined, "/a", path + 3), ERR_OK);
    cr_assert_eq(strlen(joined), (size_t)FS_MAX_PATH);
    free(joined);
    free(path);
}

/* Normalised paths have no empty, . or .. names, do not grow, and stay as they are the second time. */
Test(path, any_path_becomes_normal)
{
    uint64_t random = 8;

    for (int round = 0; round < 50000; round++) {
        size_t length = 1 + random_below(&random, 30);
        char *path = malloc(length + 1), again[64];
        path[0] = '/';
        for (size_t i = 1; i < length; i++)
            path[i] = "//..ab"[random_below(&random, 6)];
        path[length] = 0;
        path_normalise(path);
        cr_assert_eq(path[0], '/');
        cr_assert_leq(strlen(path), length);
        cr_assert_null(strstr(path, "//"));
        snprintf(again, sizeof(again), "%s/", path);
        cr_assert_null(strstr(again, "/./"));
        cr_assert_null(strstr(again, "/../"));
        strcpy(again, path);
        path_normalise(again);
        cr_assert_str_eq(again, path);
        free(path);
    }
}
