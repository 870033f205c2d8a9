/* SPDX-License-Identifier: MIT */
/*
 * Reader for cpio archives in the formats that `cpio -o -H newc` (magic 070701) and `-H crc` (070702, with
 * sums) write, and for several of them in a row: the initrd. Never allocates; names and data point into the
 * archive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cpio_error {
    CPIO_OK = 0,
    CPIO_END,        /* the trailer was reached: no more files */
    CPIO_BAD_MAGIC,  /* no newc header where one must be */
    CPIO_BAD_NUMBER, /* a header field is not hexadecimal */
    CPIO_TRUNCATED,  /* a header, name or file reaches past the end of the archive */
    CPIO_BAD_NAME,   /* name empty, too long or without terminator */
    CPIO_BAD_SUM,    /* the data of the file that was asked for is not what its sum says */
    CPIO_NOT_FOUND,
};

struct cpio_file {
    const char *name; /* terminated; a leading "./" is skipped */
    const void *data;
    size_t size;
    uint32_t mode;
    uint32_t links;  /* names that it has in its archive; its data is with one of them, mostly the last */
    uint32_t inode;  /* all of them have this number, ... */
    uint64_t device; /* ... and this */
    bool first;      /* of its archive: inodes are numbered anew */
    bool summed;     /* its bytes have the sum `sum`, modulo 2^32 */
    uint32_t sum;
};

/* Reads the file at *offset (start with 0) and moves *offset past it. CPIO_END behind the last archive: what
 * comes after a trailer and is neither zeros nor an archive is not read. Only CPIO_OK changes *offset. */
enum cpio_error cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *file);
/* Finds the regular file of that name; of several the last, so that an archive can be put behind another one
 * to change it. A hard link has its file's data, whichever name that is with. Damage anywhere in the archives
 * gives that error. */
enum cpio_error cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *file);
/* One clause that says what is wrong ("truncated"), never NULL. */
const char *cpio_strerror(enum cpio_error error);
