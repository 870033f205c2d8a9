/* SPDX-License-Identifier: MIT */
/*
 * Looking capabilities up, and the operations on CNodes: for any arguments and any three capabilities, right
 * or wrong. A call that fails changes nothing; none reaches a slot outside the CNodes that it may use.
 */
#include "proof.h"

#include "kernel/cnode.c"
#include "kernel/syscall.c"

static struct slot cnode[4]; /* the CSpace: the kernel's own slot 0 and three */
static struct thread thread;
static struct slot self; /* the capability that is invoked, to that CNode */
static bool changed, failed;
char *const arch_granule_base = NULL;

/* --- What the operations do to the tree is proved in cap.c, for arguments that keep to these rules --- */

static bool may_name(const struct slot *slot)
{
    return slot > cnode && slot < cnode + 4;
}

bool slot_can_copy(const struct slot *slot)
{
    return slot->type != OBJ_NULL && slot->type != OBJ_UNTYPED && slot->type != OBJ_PAGE_TABLE;
}

void slot_copy(struct slot *from, struct slot *to, uint8_t rights)
{
    CHECK(may_name(from) && may_name(to), "lookup: only slots of the CNodes, and not slot 0");
    CHECK(slot_can_copy(from) && slot_is_empty(to), "tree: what may be copied goes to an empty slot");
    *to = *from;
    to->rights &= rights;
    changed = true;
}

bool slot_can_move(const struct slot *slot)
{
    CHECK(may_name(slot), "lookup: only slots of the CNodes, and not slot 0");
    return nondet_bool();
}

void slot_move(struct slot *from, struct slot *to)
{
    CHECK(may_name(from) && may_name(to), "lookup: only slots of the CNodes, and not slot 0");
    CHECK(!slot_is_empty(from) && slot_is_empty(to), "tree: what is moved goes to an empty slot");
    changed = true;
}

bool slot_delete(struct slot *slot)
{
    CHECK(may_name(slot), "lookup: only slots of the CNodes, and not slot 0");
    return changed = nondet_bool();
}

bool slot_revoke(struct slot *slot)
{
    return slot_delete(slot);
}

/* The registers keep the arguments here, so that they can be looked at afterwards. */
void thread_result(struct thread *to, uint64_t badge, uint64_t tag, const uint64_t *words, unsigned count)
{
    CHECK(to == &thread && badge == 0 && tag_label(tag) && words && count == 2,
          "failure: its cause is told");
    failed = true;
}

bool reap(void)
{
    return nondet_bool();
}
bool slot_same_object(const struct slot *a, const struct slot *b)
{
    CHECK(!slot_is_empty(a) && b, "lookup: only of an object");
    return nondet_bool();
}
uint64_t object_id(const struct slot *slot)
{
    CHECK(!slot_is_empty(slot), "lookup: only of an object");
    return nondet_u64();
}

void message_set_word(struct thread *to, unsigned n, uint64_t value)
{
    CHECK(n < MSG_REGS, "messages: the answer fits in registers");
    to->reg[word_register[n]] = value;
}

/* Any call with any arguments, by a thread whose CSpace is the invoked CNode, with any capabilities in it. */
static void any_call(void)
{
    for (unsigned i = 1; i < 4; i++) {
        cnode[i].type = any_below(OBJ_TYPE_COUNT);
        cnode[i].rights = nondet_u8();
        cnode[i].badge = nondet_u64();
        cnode[i].size_bits = 8;
        cnode[i].object = cnode;
    }
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread.reg[word_register[i]] = nondet_u64();
    self = (struct slot){.object = cnode, .type = OBJ_CNODE, .rights = nondet_u8(), .size_bits = 8};
    thread.slot[THREAD_CSPACE] = self;
    thread.reg[REG_A0 + 1] = nondet_u64();
    failed = changed = false;
}

static void check_outcome(int outcome)
{
    CHECK(outcome >= 0 || outcome == OUTCOME_RESTART || outcome == OUTCOME_SILENT,
          "failure: there is an outcome");
    CHECK((outcome == OUTCOME_SILENT) == failed, "failure: its cause is told");
    CHECK(!failed || !changed, "failure: a call that fails changes nothing");
}

/*
 * proof cnode_slot: CNodes of all sizes, all indices
 * options: --unwind 2 --no-sat-preprocessor
 * planted kernel/cap.h: s/return index >> (cnode->size_bits - SLOT_BITS) ?/return index >> (cnode->size_bits - SLOT_BITS + 1) ?/
 */
void prove_cnode_slot(void)
{
    struct slot cap = {.object = cnode, .type = OBJ_CNODE, .size_bits = CNODE_MIN_BITS + any_below(2)};
    uint64_t index = nondet_u64();
    struct slot *slot = cnode_slot(&cap, index);

    CHECK((slot != NULL) == (index < cnode_slots(&cap)), "lookup: exactly the slots that there are");
    CHECK(!slot || slot == cnode + index, "lookup: the slot that the index names");
}

/*
 * proof cspace_slot: any thread with or without a CSpace, all indices
 * options: --unwind 2 --no-sat-preprocessor
 * planted kernel/cap.h: s/return cspace->object ? cnode_slot(cspace, index) : NULL;/return cnode_slot(cspace, index);/
 */
void prove_cspace_slot(void)
{
    uint64_t index = nondet_u64();
    bool has = nondet_bool();
    struct slot *slot;

    if (has)
        thread.slot[THREAD_CSPACE] = (struct slot){.object = cnode, .type = OBJ_CNODE, .size_bits = 8};
    else
        thread.slot[THREAD_CSPACE].size_bits = SLOT_BITS;
    slot = cspace_slot(&thread, index);
    CHECK((slot != NULL) == (has && index < 4), "lookup: exactly the slots that there are");
    CHECK(!slot || slot == cnode + index, "lookup: the slot that the index names");
}

/*
 * proof arg_cap: any call, any three capabilities, any type and rights that are asked for
 * options: --unwind 9
 * planted kernel/invoke.h: s/ \&\& !(rights \& ~slot->rights))/)/
 */
void prove_arg_cap(void)
{
    unsigned type = any_below(OBJ_TYPE_COUNT);
    uint8_t rights = nondet_u8();
    const struct slot *slot;
    int error = 0;

    any_call();
    ASSUME(type != OBJ_NULL);
    slot = arg_cap(&thread, 1, type, rights, &error);
    CHECK(slot || (error == OUTCOME_SILENT && failed), "failure: its cause is told");
    CHECK(!slot || (may_name(slot) && slot->type == type && (slot->rights & rights) == rights),
          "rights: an argument has the type and the rights that are asked for");
}

/*
 * proof cnode_copy: any call, any three capabilities
 * options: --unwind 9
 * planted kernel/cnode.c: s/^    if (!slot_can_copy(from))/    if (false)/
 */
void prove_cnode_copy(void)
{
    any_call();
    check_outcome(op_CNODE_COPY(&thread, &self));
}

/*
 * proof cnode_mint: any call, any three capabilities
 * options: --unwind 9
 * planted kernel/cnode.c: s/^    if (from->badge)/    if (false)/
 * planted kernel/cnode.c: s/from->type != OBJ_ENDPOINT \&\& from->type != OBJ_NOTIFICATION/from->type == OBJ_NULL/
 * planted kernel/cnode.c: s/return fail(by, ERR_IN_USE, 5, from->badge);/fail(by, ERR_IN_USE, 5, from->badge);/
 */
void prove_cnode_mint(void)
{
    unsigned to = any_below(4), from = any_below(4);
    uint8_t rights = nondet_u8();
    struct slot before;
    int outcome;

    any_call();
    ASSUME(request_length(&thread) >= 5 && arg(&thread, 1) == to && arg(&thread, 2) == 0 &&
           arg(&thread, 3) == from);
    ASSUME(arg(&thread, 4) == rights);
    before = cnode[from];
    outcome = op_CNODE_MINT(&thread, &self);
    check_outcome(outcome);
    if (outcome < 0)
        return;
    CHECK(before.badge == 0 && (before.type == OBJ_ENDPOINT || before.type == OBJ_NOTIFICATION),
          "rights: who has a badge cannot make another");
    CHECK(cnode[to].badge == arg(&thread, 5) && cnode[to].rights == (before.rights & rights),
          "rights: the badge and the rights that were asked for");
}

/*
 * proof cnode_move: any call, any three capabilities
 * options: --unwind 9
 * planted kernel/cnode.c: s/^    if (slot_is_empty(\*to))/    if (true)/
 */
void prove_cnode_move(void)
{
    any_call();
    check_outcome(op_CNODE_MOVE(&thread, &self));
}

/*
 * proof cnode_delete: any call, any three capabilities; interrupted or not
 * options: --unwind 9
 * planted kernel/cnode.c: s/arg(by, 1) ? cnode_slot(cap, arg(by, 1)) : NULL;/cnode_slot(cap, arg(by, 1));/
 */
void prove_cnode_delete(void)
{
    any_call();
    check_outcome(nondet_bool() ? op_CNODE_DELETE(&thread, &self) : op_CNODE_REVOKE(&thread, &self));
}

/*
 * proof cnode_inspect: any call, any three capabilities
 * options: --unwind 9
 * planted kernel/cnode.c: s/!slot_is_empty(slot) && slot_same_object/slot_same_object/
 */
void prove_cnode_inspect(void)
{
    uint64_t index;
    int outcome;

    any_call();
    index = arg(&thread, 1);
    outcome = op_CNODE_INSPECT(&thread, &self);
    check_outcome(outcome);
    CHECK(outcome < 0 || (index > 0 && index < 4 && outcome == 5 &&
                          thread.reg[word_register[0]] == cnode[index & 3].type),
          "lookup: what is told is of the slot that was named");
    CHECK(!changed, "failure: nothing changes");
}

/*
 * proof cnode_object_id: any call, any three capabilities
 * options: --unwind 9
 * planted kernel/cnode.c: s/slot_is_empty(slot) ? 0 : object_id(slot)/object_id(slot)/
 */
void prove_cnode_object_id(void)
{
    uint64_t index;
    int outcome;

    any_call();
    index = arg(&thread, 1);
    outcome = op_CNODE_OBJECT_ID(&thread, &self);
    check_outcome(outcome);
    CHECK(outcome < 0 || (index > 0 && index < 4 && outcome == 1), "lookup: only a slot that was named");
    CHECK(!changed, "failure: nothing changes");
}

/*
 * proof perform: any capability, any operation number, any length
 * options: --unwind 9
 * planted kernel/syscall.c: s/if (n >= MAX_METHODS || !(methods/if (!(methods/
 * planted kernel/syscall.c: s/^    if (n >= MAX_METHODS || !methods/    if (!methods/
 */
void prove_perform(void)
{
    uint64_t op = nondet_u64();

    any_call();
    self.type = nondet_bool() ? OBJ_CNODE : OBJ_NULL;
    self.rights = nondet_u8();
    if (perform(&thread, &self, op) >= 0)
        CHECK(self.type == OBJ_CNODE && op >= OP_CNODE_COPY && op <= OP_CNODE_OBJECT_ID &&
                  self.rights & (op >= OP_CNODE_INSPECT ? RIGHT_INSPECT : RIGHT_CONTROL),
              "rights: an operation is performed only with the right for it");
}
