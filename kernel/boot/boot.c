/* SPDX-License-Identifier: MIT */
#include "boot.h"

#include "arch.h"
#include "log.h"

struct boot_state boot_state;

void boot_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list("cannot boot: ", format, arguments);
    va_end(arguments);
    arch_fail();
}
