/* SPDX-License-Identifier: MIT */
/* Counts lines, words and bytes of files, and prints the CRC-32C of each. */
#include <base/crc32c.h>
#include <client/fs.h>
#include <rt/rt.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#define PIECE_BYTES 16384

struct counts {
    uint64_t lines, words, bytes;
    uint32_t crc;
    bool in_word;
};

static void count_bytes(struct counts *counts, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool blank = isspace(bytes[i]);
        counts->lines += bytes[i] == '\n';
        counts->words += !blank && !counts->in_word;
        counts->in_word = !blank;
    }
    counts->bytes += size;
    counts->crc = crc32c(counts->crc, bytes, size);
}

static enum error count_file(uint64_t handle, struct counts *counts)
{
    const void *data;
    size_t size;
    enum error error = file_read_shared(handle, 0, PIECE_BYTES, &data, &size);

    while (!error && size > 0) {
        count_bytes(counts, data, size);
        error = file_read_shared(handle, counts->bytes, PIECE_BYTES, &data, &size);
    }
    return error;
}

/* Counts and prints one file; false, after a line that says why, when that was not possible. */
static bool report_file(const char *path)
{
    struct counts counts = {.crc = ~0u};
    struct fs_stat stat;
    uint64_t handle;
    enum error error = file_open(path, 0, 0, &handle, &stat);

    if (!error) {
        error = stat.type == FS_DIRECTORY ? ERR_IS_DIR : count_file(handle, &counts);
        file_close(handle);
    }
    if (error) {
        fprintf(stderr, "wc: %s: %s\n", path, error_text(error));
        return false;
    }
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %08" PRIx32 " %s\n", counts.lines, counts.words, counts.bytes,
           ~counts.crc, path);
    return true;
}

int main(int argc, char **argv)
{
    bool good = argc > 1;

    if (argc < 2)
        fprintf(stderr, "usage: wc FILE...\n");
    for (int i = 1; i < argc; i++)
        good &= report_file(argv[i]);
    return good ? 0 : 1;
}
