/* SPDX-License-Identifier: MIT */
/* Names of errors and object types. */
#include "internal.h"

const char *error_text(enum error error)
{
    static const char *const text[] = {
#define ERROR(number, name, text) [number] = text,
        ERROR_LIST(ERROR)
#undef ERROR
    };
    if ((uint64_t)error >= sizeof(text) / sizeof(text[0]) || text[error] == NULL)
        return "unknown error";
    return text[error];
}

const char *object_type_name(uint64_t type)
{
    static const char *const name[OBJ_TYPE_COUNT] = {
#define TYPE(number, name) [number] = #name,
        OBJECT_LIST(TYPE)
#undef TYPE
    };
    return type < OBJ_TYPE_COUNT ? name[type] : "unknown";
}
