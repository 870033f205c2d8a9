/* SPDX-License-Identifier: MIT */
/*
 * Reader for cpio archives in the "newc" format (magic 070701), as `cpio -o -H newc` writes them: the initrd.
 * Never allocates; names and data point into the archive.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum cpio_error {
    CPIO_OK = 0,
    CPIO_END,        /* the trailer was reached: no more files */
    CPIO_BAD_MAGIC,  /* no newc header where one must be */
    CPIO_BAD_NUMBER, /* a header field is not hexadecimal */
    CPIO_TRUNCATED,  /* a header, name or file reaches past the end of the archive */
    CPIO_BAD_NAME,   /* name empty, too long or without terminator */
    CPIO_NOT_FOUND,
};

struct cpio_file {
    const char *name; /* terminated; a leading "./" is skipped */
    const void *data;
    size_t size;
    uint32_t mode;
};

/* Reads the file at *offset (start with 0) and moves *offset past it. CPIO_END at the trailer. Anything but
 * CPIO_OK changes nothing. Of files that are hard links to each other only the last has the data. */
enum cpio_error cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *file);
/* Finds the first regular file of that name. An archive found damaged before the file is reached gives that
 * error. */
enum cpio_error cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *file);
/* One clause that says what is wrong ("truncated"), never NULL. */
const char *cpio_strerror(enum cpio_error error);
