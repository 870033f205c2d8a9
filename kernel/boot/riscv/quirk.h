/* SPDX-License-Identifier: MIT */
/* Faults of hardware that the kernel works around. Each has its own file in platform/quirks, which says what
 * is wrong, where that is documented and what is done. */
#pragma once

#include <stddef.h>

struct quirk {
    const char *name;
    void (*apply)(void);
    const char *compatible[6]; /* of the machine (the root node) or of a hart; NULL at the end */
};

/* Makes the quirk of a file known; the kernel finds it through the section. */
#define QUIRK(...) static const struct quirk quirk __attribute__((used, section("quirks"))) = {__VA_ARGS__}
