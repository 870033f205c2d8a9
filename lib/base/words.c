/* SPDX-License-Identifier: MIT */
/* Words of a command line. */
#include <base/words.h>
#include <stddef.h>
#include <string.h>

/* What follows `prefix` in the word that begins with it and then has `after` or, when that is ' ', ends; NULL
 * when there is none. */
static const char *find_word(const char *line, const char *prefix, char after)
{
    size_t length = strlen(prefix);

    while (*line != 0) {
        if (strncmp(line, prefix, length) == 0 &&
            (line[length] == after || (after == ' ' && line[length] == 0))) {
            return line + length;
        }
        while (*line != 0 && *line++ != ' ')
            continue;
    }
    return NULL;
}

bool words_have(const char *line, const char *word)
{
    return find_word(line, word, ' ') != NULL;
}

uint64_t words_number(const char *line, const char *name, uint64_t otherwise)
{
    const char *digit = find_word(line, name, '=');
    uint64_t number = 0;

    if (digit == NULL)
        return otherwise;
    while (*++digit >= '0' && *digit <= '9')
        number = number * 10 + (uint64_t)(*digit - '0');
    return number;
}
