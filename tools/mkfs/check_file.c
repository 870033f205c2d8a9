/* SPDX-License-Identifier: MIT */
/* The file that holds an image to be checked. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool check_image(const char *path)
{
    struct stat info;
    int descriptor = open(path, O_RDONLY);

    if (descriptor < 0 || fstat(descriptor, &info) != 0)
        die("%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_size == 0)
        die("%s: is %s", path, S_ISREG(info.st_mode) ? "empty" : "not a file");
    size_t size = (size_t)info.st_size;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
        die("%s: %s", path, strerror(errno));
    close(descriptor);
    unsigned problems = check_bytes(path, bytes, size);
    munmap(bytes, size);
    if (problems == 0)
        printf("%s: no problems\n", path);
    return problems == 0;
}
