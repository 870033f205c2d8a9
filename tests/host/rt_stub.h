/* SPDX-License-Identifier: MIT */
/* The parts of the user run-time that portable code of drivers calls, for tests: lines logged are kept. */
#pragma once

#include <rt/rt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char stub_log[8192];
static unsigned stub_lines;

static inline void stub_log_clear(void)
{
    stub_log[0] = 0;
    stub_lines = 0;
}

void rt_log(const char *format, ...)
{
    size_t used = strlen(stub_log);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(stub_log + used, sizeof(stub_log) - used, format, arguments);
    va_end(arguments);
    used = strlen(stub_log);
    snprintf(stub_log + used, sizeof(stub_log) - used, "\n");
    stub_lines++;
}

const char *error_text(enum error error)
{
    static const char *const text[] = {
#define ERROR(number, name, text) [number] = text,
        ERROR_LIST(ERROR)
#undef ERROR
    };

    return text[error];
}
