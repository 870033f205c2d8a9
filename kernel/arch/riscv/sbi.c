/* SPDX-License-Identifier: MIT */
/* Calls to the firmware. */
#include "sbi.h"

#include "image.h"
#include "machine.h"

#define LINE_SIZE 128

bool sbi_has_console;

static struct {
    uint32_t used;
    char line[LINE_SIZE];
} console;

struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[5])
{
    register uint64_t a0 __asm__("a0") = argument[0];
    register uint64_t a1 __asm__("a1") = argument[1];
    register uint64_t a2 __asm__("a2") = argument[2];
    register uint64_t a3 __asm__("a3") = argument[3];
    register uint64_t a4 __asm__("a4") = argument[4];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

/* One call per hart: hart ids may lie further apart than a mask reaches. */
void sbi_remote_fence(enum sbi_rfence function, uint64_t mask, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < hart_count; i++)
        if (mask >> i & 1)
            sbi(SBI_RFENCE, function, 1, harts[i].id, address, size);
}

/* With DBCN, one call per line; the firmware wants a physical address. */
void arch_putchar(char c)
{
    if (!sbi_has_console) {
        sbi(SBI_LEGACY_PUTCHAR, 0, (uint8_t)c);
        return;
    }
    console.line[console.used++] = c;
    if (c != '\n' && console.used < LINE_SIZE)
        return;
    uint64_t from = image_physical(console.line);
    for (uint64_t end = from + console.used; from < end;) {
        struct sbi_result result = sbi(SBI_DBCN, DBCN_WRITE, end - from, from, 0);
        if (result.error != 0)
            break;
        from += result.value;
    }
    console.used = 0;
}
