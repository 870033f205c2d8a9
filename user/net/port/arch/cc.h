/* SPDX-License-Identifier: MIT */
/* What lwIP asks of compiler and system: see lwip/arch.h. */
#pragma once

#include <stdint.h>

/* A random number that nobody outside can guess; for ports, sequence numbers and identifications. */
uint32_t random32(void);
#define LWIP_RAND() random32()

/* The network's order of bytes, without calls. */
#define lwip_htons(value) __builtin_bswap16(value)

/* Something in lwIP is not as it must be: ends the process, which is started anew. */
void lwip_failed(const char *message, const char *file, int line) __attribute__((noreturn));
#define LWIP_PLATFORM_ASSERT(message) lwip_failed(message, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(message)   (void)0
