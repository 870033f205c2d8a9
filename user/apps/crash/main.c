/* SPDX-License-Identifier: MIT */
/* Ends, or does not, in the way that its argument names: for tests of what the system makes of it. */
#include <client/console.h>
#include <rt/rt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each way does. The compiler must not see that it is wrong. */
static volatile uint64_t sink;

static void read_at(uint64_t address)
{
    sink = *(volatile uint64_t *)address;
}

static void write_at(uint64_t address)
{
    *(volatile uint64_t *)address = 1;
}

static void jump_to(uint64_t address)
{
    ((void (*)(void))address)();
}

/* An instruction of zeros is illegal on every RISC-V hart. */
static const uint32_t zeros __attribute__((section(".text.zeros"))) = 0;

static void illegal(uint64_t unused)
{
    (void)unused;
    jump_to((uint64_t)&zeros);
}

static void spin(uint64_t unused)
{
    (void)unused;
    for (;;)
        sink++;
}

/* Calls itself until the stack has run into the guard below it. */
static __attribute__((noinline)) void overflow(uint64_t depth)
{
    volatile char frame[1024];

    frame[0] = (char)depth;
    if (depth < UINT64_MAX)
        overflow(depth + 1);
    sink += (uint64_t)frame[0];
}

/* Has the console send to itself, which it would wait for, when ctrl-c is typed. */
static void bell(uint64_t unused)
{
    enum error error = terminal_interrupt(rt_cap("console"));

    printf("crash: %s\n", error_text(error));
    fflush(stdout);
    if (!error)
        spin(unused);
}

static uint64_t words[2] = {0x0000806700008067, 0}; /* ret, twice */
static const uint64_t constant = 1;

/* Executes what is no code. */
static void execute(uint64_t unused)
{
    (void)unused;
    ((void (*)(void))(uintptr_t)words)();
}

/* Writes to code, or to a constant when the argument is not 0. */
static void patch(uint64_t data)
{
    *(volatile uint64_t *)(data != 0 ? (uintptr_t)&constant : (uintptr_t)execute) = 0;
}

static void leave(uint64_t status)
{
    exit((int)status);
}

struct way {
    const char *name;
    void (*act)(uint64_t argument);
    const char *text;
};

static const struct way ways[] = {
    {"read", read_at, "read at ADDRESS"},         {"write", write_at, "write at ADDRESS"},
    {"jump", jump_to, "jump to ADDRESS"},         {"illegal", illegal, "execute an illegal instruction"},
    {"overflow", overflow, "overflow the stack"}, {"spin", spin, "run for ever"},
    {"execute", execute, "execute data"},         {"patch", patch, "write to code, N: to a constant"},
    {"exit", leave, "exit with status N"},        {"bell", bell, "have ctrl-c stop the console"},
};

int main(int argc, char **argv)
{
    uint64_t argument = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;

    for (unsigned i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].act(argument);
            return EXIT_SUCCESS;
        }
    }
    fprintf(stderr, "usage: crash WAY [ADDRESS or N]; the ways are:\n");
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        fprintf(stderr, "  %-10s%s\n", ways[i].name, ways[i].text);
    return EXIT_FAILURE;
}
