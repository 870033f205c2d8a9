/* SPDX-License-Identifier: MIT */
/* From _start to main: thread-local data, capabilities, arguments, constructors. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* From user.ld; the sizes are the values of the symbols. */
extern const char __tls_start[], __tls_data_size[], __tls_size[], __tls_align[];
extern void (*const __preinit_array_start[])(void), (*const __preinit_array_end[])(void);
extern void (*const __init_array_start[])(void), (*const __init_array_end[])(void);

extern int main(int argc, char **argv);

const struct start_info *rt_start;
const struct boot_info *rt_boot;
struct rt_caps rt_caps;

static struct start_info boot_start;
static _Thread_local struct msg_page *msg_page;

struct msg_page *rt_msg_page(void)
{
    return msg_page;
}

void rt_set_msg_page(struct msg_page *page)
{
    msg_page = page;
}

static void init_from_start(const struct start_info *start)
{
    rt_start = start;
    rt_caps = (struct rt_caps){START_CNODE, START_THREAD, START_MM, START_PROC, START_LOG};
    rt_set_msg_page((struct msg_page *)start->msg_page);
    slots_init(start->first_free_slot, start->cnode_slots);
}

void rt_init_from_boot(const struct boot_info *boot)
{
    rt_boot = boot;
    boot_start = (struct start_info){
        .magic = START_MAGIC,
        .msg_page = boot->msg_page,
        .cnode_slots = boot->cnode_slots,
        .first_free_slot = boot->first_free_slot,
        .timebase = boot->timebase,
        .name = "init",
    };
    rt_start = &boot_start;
    rt_caps = (struct rt_caps){.cnode = BOOT_CNODE, .thread = BOOT_THREAD, .log = BOOT_DEBUG};
    rt_set_msg_page((struct msg_page *)boot->msg_page);
    slots_init(boot->first_free_slot, boot->cnode_slots);
}

void rt_set_mm(cap_t session)
{
    rt_caps.mm = session;
}

static void run_all(void (*const *from)(void), void (*const *to)(void))
{
    for (; from < to; from++)
        (*from)();
}

/* Fills argv with pointers to the strings in `args` and returns how many there are. */
static int split_arguments(char **argv, uint64_t count, char *args, size_t length)
{
    uint64_t n = 0;
    for (size_t at = 0; n < count && at < length; n++) {
        argv[n] = args + at;
        at += strnlen(args + at, length - at) + 1;
    }
    argv[n] = NULL;
    return (int)n;
}

static void __attribute__((noreturn)) run_main(void)
{
    size_t length = rt_start->args_length;
    if (length > sizeof(rt_start->args))
        length = sizeof(rt_start->args);
    uint64_t count = rt_start->arg_count < length ? rt_start->arg_count : length;
    char args[sizeof(rt_start->args) + 1];
    char *argv[count + 1];
    memcpy(args, rt_start->args, length);
    args[length] = 0;
    exit(main(split_arguments(argv, count, args, length), argv));
}

static void fill_tls(void *tls)
{
    size_t initialised = (size_t)__tls_data_size, size = (size_t)__tls_size;
    memcpy(tls, __tls_start, initialised);
    memset((char *)tls + initialised, 0, size - initialised);
}

void *rt_tls_make(char *top)
{
    void *tls = (void *)align_down((uint64_t)(top - (size_t)__tls_size), (size_t)__tls_align);
    fill_tls(tls);
    return tls;
}

void rt_enter(const void *page, void *tls)
{
    fill_tls(tls);
    if (*(const uint64_t *)page == BOOT_MAGIC)
        rt_init_from_boot(page);
    else
        init_from_start(page);
    rt_libc_init();
    run_all(__preinit_array_start, __preinit_array_end);
    run_all(__init_array_start, __init_array_end);
    run_main();
}

const char *rt_environment(const char *name)
{
    size_t length = strlen(name), end = rt_start->args_length;
    uint64_t n = 0;
    if (end > sizeof(rt_start->args))
        end = sizeof(rt_start->args);
    for (size_t at = 0; at < end; n++) {
        const char *text = rt_start->args + at;
        size_t size = strnlen(text, end - at);
        bool is_it = n >= rt_start->arg_count && size > length && text[length] == '=' && size < end - at;
        if (is_it && memcmp(text, name, length) == 0)
            return text + length + 1;
        at += size + 1;
    }
    return NULL;
}

static uint64_t cap_count(void)
{
    return rt_start->cap_count < START_MAX_CAPS ? rt_start->cap_count : START_MAX_CAPS;
}

const struct start_cap *rt_session(const char *protocol, unsigned n)
{
    for (uint64_t i = 0; i < cap_count(); i++) {
        const struct start_cap *cap = &rt_start->cap[i];
        if (strncmp(cap->protocol, protocol, sizeof(cap->protocol)) == 0 && n-- == 0)
            return cap;
    }
    return NULL;
}

cap_t rt_server(const char *protocol)
{
    const struct start_cap *cap = rt_session(protocol, 0);
    return cap != NULL ? cap->slot : 0;
}

cap_t rt_cap(const char *name)
{
    for (uint64_t i = 0; i < cap_count(); i++)
        if (strncmp(rt_start->cap[i].name, name, sizeof(rt_start->cap[i].name)) == 0)
            return rt_start->cap[i].slot;
    return 0;
}

const char *rt_name(void)
{
    return rt_start->name;
}

uint64_t rt_ticks_of_us(uint64_t us)
{
    return us / 1000000 * rt_start->timebase + (us % 1000000 * rt_start->timebase + 999999) / 1000000;
}
