/* SPDX-License-Identifier: MIT */
#include "root.h"

#include <base/format.h>
#include <string.h>
#include <strings.h>

void root_format_uuid(char text[37], const uint8_t uuid[16])
{
    format_buffer(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid[0],
                  uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8], uuid[9], uuid[10],
                  uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
}

void root_format_guid(char text[37], const uint8_t guid[16])
{
    static const uint8_t order[8] = {3, 2, 1, 0, 5, 4, 7, 6};
    uint8_t uuid[16];

    memcpy(uuid, guid, sizeof(uuid));
    for (int i = 0; i < 8; i++)
        uuid[i] = guid[order[i]];
    root_format_uuid(text, uuid);
}

/* The text behind the prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(text, prefix, length) ? NULL : text + length;
}

/* The disk's name, or the name, a colon and the partition's number. */
static bool names_device(const char *wanted, const struct root_candidate *candidate)
{
    char numbered[64];

    format_buffer(numbered, sizeof(numbered), "%s:%u", candidate->disk, candidate->partition);
    return !strcmp(wanted, candidate->disk) || (candidate->partition && !strcmp(wanted, numbered));
}

static bool is_named(const char *wanted, const struct root_candidate *candidate)
{
    const char *value;
    char text[37];

    if ((value = behind(wanted, "LABEL=")))
        return !strcmp(value, candidate->label);
    if ((value = behind(wanted, "UUID="))) {
        root_format_uuid(text, candidate->uuid);
        return !strcasecmp(value, text);
    }
    if ((value = behind(wanted, "PARTUUID="))) {
        root_format_guid(text, candidate->guid);
        return candidate->partition && !strcasecmp(value, text);
    }
    return names_device(wanted, candidate);
}

enum root_rank root_rank(const char *wanted, const struct root_candidate *candidate)
{
    if (wanted && is_named(wanted, candidate))
        return ROOT_NAMED;
    return strcmp(candidate->label, ROOT_LABEL) ? ROOT_ANY : ROOT_LABELLED;
}
