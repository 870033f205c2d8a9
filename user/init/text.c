/* SPDX-License-Identifier: MIT */
/* What a crash was, in words. Portable. */
#include "init.h"

#include <abi/fault.h>
#include <base/format.h>

static const char *fault_name(uint64_t fault)
{
    switch (fault) {
#define FAULT(number, name, text)                                                                            \
    case FAULT_##name: return text;
        FAULT_LIST(FAULT)
#undef FAULT
    default: return "unknown fault";
    }
}

static const char *access_name(uint64_t access)
{
    return access == RIGHT_WRITE ? "write to" : access == RIGHT_EXEC ? "jump to" : "read of";
}

/* Why mm could not provide the page. */
static const char *page_reason(uint64_t error)
{
    switch (error) {
    case ERR_BAD_ADDRESS: return "no memory there";
    case ERR_NO_RIGHT: return "not allowed there";
    case ERR_QUOTA: return "memory quota used up";
    case ERR_NO_MEMORY: return "out of memory";
    default: return "not handled";
    }
}

void crash_text(char *text, size_t size, uint64_t fault, const uint64_t word[6], uint64_t error)
{
    const struct fault_message m = {word[0], word[1], word[2], word[3], word[4], word[5]};

    switch (fault) {
    case FAULT_PAGE:
    case FAULT_ACCESS:
    case FAULT_ALIGNMENT:
        format_buffer(text, size, "%s: %s 0x%lx at pc 0x%lx%s%s%s", fault_name(fault), access_name(m.access),
                      m.address, m.pc, fault == FAULT_PAGE ? " (" : "",
                      fault == FAULT_PAGE ? page_reason(error) : "", fault == FAULT_PAGE ? ")" : "");
        break;
    case FAULT_ILLEGAL:
        format_buffer(text, size, "illegal instruction 0x%lx at pc 0x%lx", m.address, m.pc);
        break;
    case FAULT_OTHER: format_buffer(text, size, "unexpected exception %lu at pc 0x%lx", m.cause, m.pc); break;
    default: format_buffer(text, size, "%s at pc 0x%lx", fault_name(fault), m.pc);
    }
}
