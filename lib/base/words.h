/* SPDX-License-Identifier: MIT */
/* Words of a command line, with one space between them: WORD or NAME=NUMBER. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether `line` has the word. */
bool words_have(const char *line, const char *word);
/* The decimal number after "NAME="; `otherwise` when that is not there. */
uint64_t words_number(const char *line, const char *name, uint64_t otherwise);
