/* SPDX-License-Identifier: MIT */
/* The cpio reader: names and data that it gives lie inside the archive, and it always comes further. */
#include "proof.h"

#include "lib/base/cpio.c"

#define ARCHIVE 132

static char archive[ARCHIVE];

/*
 * proof cpio_next: any archive of up to 132 bytes, any place in it; names of up to 11 bytes
 * options: --unwind 14 --unwindset prove_cpio_next.0:133,next_archive.0:10,cpio_next.0:2,strcmp.0:12,memcmp.0:7
 *          --conversion-check
 * planted lib/base/cpio.c: s/!range_inside(at, field\[FIELD_FILESIZE\], size)/field[FIELD_FILESIZE] > size/
 * planted lib/base/cpio.c: s/base\[at\] == 0 || base\[at + name_size - 1\] != 0/base[at] == 0/
 */
void prove_cpio_next(void)
{
    size_t size = nondet_u64(), offset = nondet_u64(), before = offset;
    struct cpio_file file;

    for (unsigned i = 0; i < ARCHIVE; i++)
        archive[i] = nondet_char();
    ASSUME(size <= ARCHIVE);
    if (cpio_next(archive, size, &offset, &file)) {
        CHECK(offset == before, "cpio: a failure moves nothing");
        return;
    }
    CHECK(offset > before && (const char *)file.data >= archive &&
              range_inside((const char *)file.data - archive, file.size, size),
          "cpio: the data is inside");
    CHECK(file.name > archive && file.name < (const char *)file.data && ((const char *)file.data)[-1] >= 0,
          "cpio: the name is inside");
}

/*
 * proof cpio_number: any 8 characters
 * options: --unwind 9 --no-sat-preprocessor --conversion-check
 * planted lib/base/cpio.c: s/\['F'\] = DIGIT(15)/['G'] = DIGIT(15)/
 * planted lib/base/cpio.c: s/i < FIELD_DIGITS; i++/i < FIELD_DIGITS; i += 0/
 */
void prove_cpio_number(void)
{
    char digits[8];
    uint32_t value;
    unsigned i = any_below(8);
    bool good = read_hex(digits, &value);
    char c = digits[i];
    uint32_t digit = value >> (28 - 4 * i) & 15;

    CHECK(!good || (c >= '0' && c <= '9' ? digit == (uint32_t)(c - '0')
                                         : c >= 'A' && (c | 32) <= 'f' && (c & 31) >= 1 && (c & 31) <= 6 &&
                                               digit == (uint32_t)(c & 31) + 9),
          "cpio: numbers are read as they are written");
}
