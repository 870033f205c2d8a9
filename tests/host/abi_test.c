/* SPDX-License-Identifier: MIT */
/* docs/ABI.md says of types, operations, errors and faults what the headers say. Run from the root of the
 * tree. */
#include <abi/error.h>
#include <abi/fault.h>
#include <abi/object.h>
#include <abi/syscall.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char page[1 << 16];

static void read_page(void)
{
    FILE *file = fopen("docs/ABI.md", "r");

    cr_assert_not_null(file, "docs/ABI.md cannot be opened");
    page[fread(page, 1, sizeof(page) - 1, file)] = 0;
    fclose(file);
}

/* Whether the page has `row`, after the text `after`. */
static bool has(const char *after, const char *row)
{
    const char *from = strstr(page, after);

    return from && strstr(from, row);
}

Test(abi, the_page_names_every_object_type, .init = read_page)
{
    char text[80];

#define TYPE(number, name)                                                                                   \
    snprintf(text, sizeof(text), "### %s (type %d", #name, number);                                          \
    cr_expect(number == 0 || has("", text), "missing: %s", text);
    OBJECT_LIST(TYPE)
#undef TYPE
}

Test(abi, the_page_names_every_system_call, .init = read_page)
{
    static const struct {
        unsigned number;
        const char *name;
    } calls[] = {
        {SYS_CALL, "call"},         {SYS_REPLY_RECV, "reply_recv"}, {SYS_SEND, "send"},
        {SYS_RECV, "recv"},         {SYS_WAIT, "wait"},             {SYS_TRY_SEND, "try_send"},
        {SYS_TRY_RECV, "try_recv"}, {SYS_TRY_WAIT, "try_wait"},     {SYS_YIELD, "yield"},
        {SYS_REPLY, "reply"},
    };
    char text[40];

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        snprintf(text, sizeof(text), "| %u | %s |", calls[i].number, calls[i].name);
        cr_expect(has("## System calls", text), "missing: %s", text);
    }
}

Test(abi, the_page_names_every_operation_and_its_right, .init = read_page)
{
    char text[80], section[80];

#define OP(type, n, name, right)                                                                             \
    snprintf(section, sizeof(section), "### %s (", #type);                                                   \
    snprintf(text, sizeof(text), "| %d | %s | %s |", n, #name, #right);                                      \
    cr_expect(has(section, text), "missing under %s: %s", section, text);
    OPERATION_LIST(OP)
#undef OP
}

Test(abi, the_page_names_every_error_and_fault, .init = read_page)
{
    char text[120];

#define ERROR(number, name, meaning)                                                                         \
    snprintf(text, sizeof(text), "| %d | %s | %s |", number, #name, meaning);                                \
    cr_expect(has("## Errors", text), "missing: %s", text);
    ERROR_LIST(ERROR)
#undef ERROR
#define FAULT(number, name, meaning)                                                                         \
    snprintf(text, sizeof(text), "| %d | %s | %s |", number, #name, meaning);                                \
    cr_expect(has("## Faults", text), "missing: %s", text);
    FAULT_LIST(FAULT)
#undef FAULT
}
