/* SPDX-License-Identifier: MIT */
/* The end: what is printed when the kernel itself fails, and stopping the machine. */
#include "panic.h"

#include "arch.h"
#include "csr.h"
#include "image.h"
#include "layout.h"
#include "log.h"
#include "stop.h"

#include <base/backtrace.h>

#define MAX_FRAMES 24

/* Made by tools/ksyms from the kernel's own symbols, in ascending order. */
extern const struct symbol ksyms[] __attribute__((weak));
extern const uint32_t ksyms_count __attribute__((weak));
extern const char ksyms_names[] __attribute__((weak));

/* Registers when the kernel itself trapped: pc, x1-x31. */
struct trap_frame {
    uint64_t reg[32];
};
_Static_assert(sizeof(struct trap_frame) <= FRAME_SIZE, "trap.S stores it, as in struct thread");

extern char _image_start[], _text_end[], _rodata_start[], _stacks[];

const char *panic_reading;

static uint32_t panics; /* how often a hart came here */

static bool in_text(uint64_t pc)
{
    return pc >= (uint64_t)image_text && pc < (uint64_t)_rodata_start;
}

/* The function that `pc` lies in, and how far into it; NULL when unknown. */
static const char *symbol_of(uint64_t pc, uint64_t *into)
{
    if (!in_text(pc) || !&ksyms_count)
        return NULL;
    return symbol_find(ksyms, ksyms_count, ksyms_names, pc - (uint64_t)_image_start, into);
}

/* `pc` is where the function was left: behind a call, which may be the last instruction of the function, or
 * else at the instruction itself. */
static void print_place(const char *what, uint64_t pc, bool behind_call)
{
    uint64_t into;
    const char *name = symbol_of(pc - behind_call, &into);

    if (name)
        log_line("  %s %016lx %s+0x%lx", what, pc, name, into + behind_call);
    else
        log_line("  %s %016lx", what, pc);
}

/* Whether `address` lies in a guard page. */
static bool in_guard(uint64_t address)
{
    uint64_t from = address - (uint64_t)_stacks, within = from % STACKS_STRIDE;

    return from < STACKS_HARTS * STACKS_STRIDE &&
           (within < GUARD_SIZE || (within >= STACK_TOP_OFFSET && within < STACK_TOP_OFFSET + GUARD_SIZE));
}

static bool on_a_stack(uint64_t address)
{
    return address - (uint64_t)_stacks < STACKS_HARTS * STACKS_STRIDE && address % 8 == 0 &&
           !in_guard(address);
}

/* Whether a call may have put `pc` down as where to return to. */
static bool is_return_address(uint64_t pc)
{
    return pc % 2 == 0 && in_text(pc - 4) && is_behind_call((const uint16_t *)pc);
}

/* Whatever on the stack may be where a function returns to. Frame pointers would tell for sure, and cost each
 * function of the kernel five instructions; so now and then there is one too many. */
static void print_callers(uint64_t sp)
{
    unsigned shown = 0;

    for (uint64_t at = sp; on_a_stack(at) && shown < MAX_FRAMES; at += sizeof(uint64_t)) {
        uint64_t pc = *(const uint64_t *)at;

        if (is_return_address(pc)) {
            print_place("from", pc, true);
            shown++;
        }
    }
}

static void print_registers(const struct trap_frame *frame)
{
    const uint64_t *reg = frame->reg;

    for (const char(*name)[4] = register_name; name < &register_name[32]; name += 4, reg += 4)
        log_line("  %-3s %016lx  %-3s %016lx  %-3s %016lx  %-3s %016lx", name[0], reg[0], name[1], reg[1],
                 name[2], reg[2], name[3], reg[3]);
}

static void print_hart(void)
{
    const struct hart *hart = hart_self();

    log_line("  hart %u (id %u), thread '%.16s'", hart->index, hart->id,
             hart->current ? hart->current->name : "none");
}

/* Lets one hart through, once: a second one stops, and a panic while one is printed ends at once. */
static void panic_begin(void)
{
    if (!harts_stop_others())
        hart_stop();
    if (panics++ == 0) {
        log_set_echo(1);
    } else {
        if (panics == 2)
            log_line("panic: another one while the first was printed");
        arch_fail();
    }
}

/* trap.S calls it on the emergency stack: says why, and ends the machine. */
void __attribute__((noreturn)) trap_from_kernel(const struct trap_frame *frame)
{
    uint64_t cause = csr_read(scause), address = csr_read(stval);

    panic_begin();
    if (in_guard(address) || in_guard(frame->reg[REG_SP]))
        log_line("panic: kernel stack overflow");
    else
        log_line("panic: %s in the kernel, address 0x%lx%s", trap_cause_text(cause), address,
                 panic_reading ? panic_reading : "");
    log_line("  scause %lx, stval %lx, sepc %lx, sstatus %lx", cause, address, frame->reg[REG_PC],
             csr_read(sstatus));
    print_hart();
    print_registers(frame);
    print_place("at  ", frame->reg[REG_PC], false);
    if (is_return_address(frame->reg[REG_RA]))
        print_place("from", frame->reg[REG_RA], true);
    print_callers(frame->reg[REG_SP]);
    arch_fail();
}

void panic(const char *format, ...)
{
    va_list arguments;

    panic_begin();
    va_start(arguments, format);
    log_line_list("panic: ", format, arguments);
    va_end(arguments);
    print_hart();
    print_place("from", (uint64_t)__builtin_return_address(0), true); /* below this frame's address */
    print_callers((uint64_t)__builtin_frame_address(0) & ~7ull);
    arch_fail();
}
