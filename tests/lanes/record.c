/* SPDX-License-Identifier: MIT */
/* System calls, what must hold of each, and the digest of all that is seen. */
#include "lanes.h"

#include <string.h>

enum { RA = 1, SP = 2, GP = 3, TP = 4, T3 = 28, A0 = 10, A1 = 11, A7 = 17 };

const uint8_t word_register[MSG_REGS] = {12, 13, 14, 15, 16, 5, 6, 7};

uint64_t random_next(struct block *block)
{
    uint64_t x = block->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    block->random = x;
    return x * 0x2545f4914f6cdd1d;
}

uint64_t random_below(struct block *block, uint64_t limit)
{
    return (random_next(block) >> 32) % limit;
}

struct msg_page *block_page(const struct block *block)
{
    return (struct msg_page *)(MESSAGE_PAGE + block->index * PAGE_BYTES);
}

void fail(const struct block *block, const char *what)
{
    if (__atomic_fetch_add(&shared->failures, 1, __ATOMIC_RELAXED))
        return;
    shared->failure = what;
    shared->failed_step = shared->steps;
    shared->failed_thread = block->index;
}

static uint64_t mix(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15;
    return digest ^ digest >> 29;
}

static void note(uint64_t value)
{
    shared->digest = mix(shared->digest, value);
}

/* --- Messages --- */

static uint64_t checksum(const uint64_t *registers, uint32_t label)
{
    uint64_t sum = label;

    for (unsigned i = 0; i < MSG_REGS - 1; i++)
        sum = mix(sum, registers[word_register[i]]);
    return sum;
}

uint64_t compose(struct block *block)
{
    uint32_t label = 0x1000 + (random_next(block) & 0x80ffffff);
    uint64_t kind = random_below(block, block->dutiful ? 400 : 40);
    uint64_t tag = tag_make(label, random_below(block, MSG_REGS + 1), 0);
    struct msg_page *page = block_page(block);

    if (kind < 8 && block->message_page)
        tag = tag_make(label, random_below(block, MSG_MAX_WORDS + 1), 0);
    else if (kind == 8)
        tag = tag_make(label, random_below(block, 71), 0);
    else if (kind == 9)
        tag |= random_next(block) & (0xffffffff & ~TAG_LENGTH_MASK & ~(TAG_CAPS_MASK << TAG_CAPS_SHIFT));
    else if (kind == 10)
        tag = (uint64_t)label << TAG_LABEL_SHIFT | (random_next(block) & 0xffffffff);
    else if (kind == 11)
        tag |= random_below(block, 6) << TAG_CAPS_SHIFT;
    block->in[word_register[MSG_REGS - 1]] = checksum(block->in, label);
    if (!block->message_page)
        return tag;
    for (unsigned i = MSG_REGS; i < MSG_MAX_WORDS && tag_length(tag) > MSG_REGS; i++)
        page->word[i] = mix(block->in[word_register[0]], i);
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        page->send_cap[i] =
            random_below(block, 4) ? 1 + random_below(block, SLOT_EMPTY) : random_below(block, 300);
    return tag;
}

bool got_message(const struct block *block)
{
    return !(block->out[A1] & (TAG_SIGNAL | TAG_FAULT)) && tag_label(block->out[A1]) >= 0x1000;
}

static void check_message(const struct block *block)
{
    unsigned length = tag_length(block->out[A1]);

    if (block->out[word_register[MSG_REGS - 1]] != checksum(block->out, tag_label(block->out[A1])))
        fail(block, "the words in registers are not those that were sent");
    if (length > MSG_REGS && block->message_page && !block->unsure &&
        block_page(block)->word[length - 1] != mix(block->out[word_register[0]], length - 1))
        fail(block, "the words in the message page are not those that were sent");
}

/* --- What must hold --- */

static void check_kept(const struct block *block)
{
    static const uint8_t kept[] = {SP, GP, TP, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};

    for (unsigned i = 0; i < sizeof(kept); i++)
        if (block->out[kept[i]] != block->in[kept[i]])
            fail(block, "a register that must be kept has changed");
    if (*(volatile uint64_t *)SPACE_PAGE != block->space)
        fail(block, "the thread runs in a space of another");
    if (block->fp && guest_fp_differ(block->fp))
        fail(block, "an FP register has changed");
}

/* A foreign thread's calls are answered by its handler in a0 to a7, and change nothing else. */
static void check_foreign(const struct block *block)
{
    static const uint8_t kept[] = {RA, 5, 6, 7, T3, T3 + 1, T3 + 2, T3 + 3};

    for (unsigned i = 0; i < sizeof(kept); i++)
        if (block->out[kept[i]] != block->in[kept[i]])
            fail(block, "a foreign call has changed a register");
}

static void check_answer(const struct block *block)
{
    if (block->out[RA] | block->out[A7] | block->out[T3] | block->out[T3 + 1] | block->out[T3 + 2] |
        block->out[T3 + 3])
        fail(block, "a register that carries no result does not come back zero");
    if (got_message(block))
        check_message(block);
}

/* --- Calls --- */

void prepare(struct block *block)
{
    uint64_t value = random_next(block);

    for (unsigned i = 1; i < 32; i++)
        block->in[i] = value += 0x9e3779b97f4a7c15;
    block->in[TP] = (uint64_t)block;
    block->mask = 0;
}

static void keep_event(const struct block *block, unsigned kind, uint64_t step)
{
    struct event *event = &shared->events[step - shared->trace_from];

    if (step < shared->trace_from || step >= shared->trace_from + EVENTS)
        return;
    *event = (struct event){.step = step, .digest = shared->digest, .thread = block->index, .kind = kind};
    memcpy(event->in, block->in, sizeof(event->in));
    memcpy(event->out, block->out, sizeof(event->out));
    shared->event_count = step - shared->trace_from + 1;
}

static void count_traffic(const struct block *block, uint64_t number)
{
    uint32_t label = tag_label(block->out[A1]);

    if (number == SYS_CALL && got_message(block))
        __atomic_fetch_add(&shared->answered, 1, __ATOMIC_RELAXED);
    else if (got_message(block))
        __atomic_fetch_add(&shared->received, 1, __ATOMIC_RELAXED);
    else if (label && label < 0x1000)
        __atomic_fetch_add(&shared->refused, 1, __ATOMIC_RELAXED);
    if (number == SYS_CALL && label == ERR_TOO_MANY)
        __atomic_fetch_add(&shared->too_deep, 1, __ATOMIC_RELAXED);
    if (number == SYS_SEND && block->out[A1] == 0)
        __atomic_fetch_add(&shared->signals, 1, __ATOMIC_RELAXED);
}

static void check_native(const struct block *block, uint64_t number)
{
    check_answer(block);
    count_traffic(block, number);
}

/* The call is over. */
static void record(struct block *block, unsigned kind)
{
    uint64_t step;

    for (unsigned i = 1; i < 32; i++)
        if (!(block->mask >> i & 1))
            note(block->out[i]);
    if (!(block->mask & 1) && block->message_page && tag_length(block->out[A1]) > MSG_REGS)
        for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
            note(block_page(block)->word[i]);
    step = __atomic_fetch_add(&shared->steps, 1, __ATOMIC_RELAXED);
    keep_event(block, kind, step);
    if ((step + 1) % shared->interval == 0 && shared->digest_count < DIGESTS)
        shared->digests[shared->digest_count++] = shared->digest;
}

uint32_t issue(struct block *block, uint64_t number, uint64_t slot, uint64_t tag, unsigned kind)
{
    block->in[A0] = slot;
    block->in[A1] = tag;
    block->in[A7] = number;
    note(block->index);
    note(number);
    note(slot);
    note(tag);
    lanes_syscall(block);
    check_kept(block);
    if (block->foreign == FOREIGN_YES)
        check_foreign(block);
    else if (block->foreign != FOREIGN_UNSURE)
        check_native(block, number);
    block->foreign = block->foreign == FOREIGN_YES || block->foreign == FOREIGN_NEXT ? FOREIGN_YES : NATIVE;
    block->unsure = false;
    block->random ^= block->out[A0] ^ block->out[A1] << 7 ^ block->out[word_register[3]] << 1;
    if (!block->random)
        block->random = 1;
    record(block, kind);
    return tag_label(block->out[A1]);
}

void read_nothing(struct block *block)
{
    prepare(block);
    block->in[A0] = NO_PAGE;
    note(block->index);
    lanes_probe(block);
    if (block->foreign == FOREIGN_NEXT)
        block->foreign = FOREIGN_YES;
    check_kept(block);
    for (unsigned i = 1; i < 32; i++)
        if (block->out[i] != block->in[i])
            fail(block, "a fault has changed a register");
    record(block, KIND_PROBE);
}
