/* SPDX-License-Identifier: MIT */
/* Operations on kernel objects. Each has a function that decodes its arguments: it checks everything first,
 * and only then performs, which cannot fail. syscall.c has looked the capability up and checked the right
 * that abi/object.h asks for. */
#pragma once

#include "cap.h"
#include "ipc.h"

/* OPERATION(FRAME_MAP) is the head of the function that performs OP_FRAME_MAP: the thread `by` invokes it on
 * the capability `cap`. It returns how many words the answer has, which it has given already, or one of the
 * outcomes below. */
#define OPERATION(name)                                                                                      \
    int op_##name(struct thread *by __attribute__((unused)), struct slot *cap __attribute__((unused)))
#define OP(type, n, name, right) OPERATION(type##_##name);
OPERATION_LIST(OP)
#undef OP

/* Stopped for an interrupt, at a point where making the same call again goes on with it. */
#define OUTCOME_RESTART (-1)
/* Failed, or done, and the thread's registers are already what they must be. */
#define OUTCOME_SILENT  (-2)
/* The thread was taken off the hart in the middle of it: it makes the call again when it runs. */
#define OUTCOME_GONE    (-3)

/* Words of the request. */
static inline unsigned request_length(const struct thread *by)
{
    return tag_length(by->reg[REG_A0 + 1]);
}

/* Word `n` (1..8) of the request; missing ones are 0. */
static inline uint64_t arg(const struct thread *by, unsigned n)
{
    return n <= request_length(by) ? by->reg[word_register[n - 1]] : 0;
}

/* Gives the answer, in whose place the request was: its arguments must have been read. Returns its length. */
int answer_words(struct thread *by, const uint64_t *words, unsigned count);
#define ANSWER(by, ...)                                                                                     \
    answer_words(by, (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Makes the answer an error: argument `n` (1..; 0 the capability itself) was wrong; OUTCOME_SILENT. */
int fail(struct thread *by, enum error error, unsigned n, uint64_t hint) __attribute__((cold));
/* The same for an argument that names `slot` (NULL: out of range), which is not a capability of the type and
 * rights. */
int fail_cap(struct thread *by, unsigned n, enum object_type type, const struct slot *slot)
    __attribute__((cold));

/* The slot in the own CSpace that argument `n` names, checked for type and rights; NULL after fail(). */
static inline struct slot *arg_cap(struct thread *by, unsigned n, enum object_type type, uint8_t rights,
                                   int *error)
{
    struct slot *slot = cspace_slot(by, arg(by, n));

    if (slot && slot_type(slot) == type && !(rights & ~slot->rights))
        return slot;
    *error = fail_cap(by, n, type, slot);
    return NULL;
}

/* The CNode that argument `n` names; 0: that of the own CSpace. NULL after fail(). */
static inline struct slot *arg_cnode(struct thread *by, unsigned n, int *error)
{
    return arg(by, n) ? arg_cap(by, n, OBJ_CNODE, RIGHT_CONTROL, error) : &by->slot[THREAD_CSPACE];
}

/* The empty slot that arguments `cnode` (0: own CSpace) and `index` name; NULL after fail(). */
struct slot *arg_empty_slot(struct thread *by, unsigned cnode, unsigned index, int *error);
/* Likewise a slot with a capability. */
struct slot *arg_full_slot(struct thread *by, unsigned cnode, unsigned index, int *error);
