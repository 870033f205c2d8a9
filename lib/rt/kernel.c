/* SPDX-License-Identifier: MIT */
/* One call per operation on kernel objects. */
#include "internal.h"

enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count)
{
    if (count > MSG_MAX_WORDS)
        return ERR_TOO_LONG;
    struct msg m = {.tag = tag_make(op, count, 0)};
    for (unsigned i = 0; i < count && i < MSG_REGS; i++)
        m.word[i] = argument[i];
    page_words_put(argument, count);
    enum error error = sys_msg(SYS_CALL, cap, &m);
    if (result == NULL)
        return error;
    unsigned length = tag_length(m.tag);
    unsigned here = length < result_count ? length : result_count;
    for (unsigned i = 0; i < here && i < MSG_REGS; i++)
        result[i] = m.word[i];
    page_words_get(result, here);
    for (unsigned i = here; i < result_count; i++)
        result[i] = 0;
    return error;
}

enum error untyped_retype(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode,
                          uint64_t first_slot, uint64_t count, uint64_t offset)
{
    return sys_invoke(untyped, tag_make(OP_UNTYPED_RETYPE, 6, 0), type, size_bits, cnode, first_slot, count,
                      offset);
}

enum error cnode_copy(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights)
{
    return sys_invoke(cnode, tag_make(OP_CNODE_COPY, 4, 0), slot, source_cnode, source, rights, 0, 0);
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    return sys_invoke(cnode, tag_make(OP_CNODE_MINT, 5, 0), slot, source_cnode, source, rights, badge, 0);
}

enum error cnode_move(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source)
{
    return sys_invoke(cnode, tag_make(OP_CNODE_MOVE, 3, 0), slot, source_cnode, source, 0, 0, 0);
}

enum error cnode_delete(cap_t cnode, uint64_t slot)
{
    return sys_invoke(cnode, tag_make(OP_CNODE_DELETE, 1, 0), slot, 0, 0, 0, 0, 0);
}

enum error cnode_revoke(cap_t cnode, uint64_t slot)
{
    return sys_invoke(cnode, tag_make(OP_CNODE_REVOKE, 1, 0), slot, 0, 0, 0, 0, 0);
}

enum error cnode_compare(cap_t cnode, uint64_t slot, cap_t other, struct cap_info *info)
{
    struct msg m = {.tag = tag_make(OP_CNODE_INSPECT, 2, 0), .word = {slot, other}};
    enum error error = sys_msg(SYS_CALL, cnode, &m);
    if (!error)
        *info = (struct cap_info){m.word[0], m.word[1], m.word[2], m.word[3], m.word[4]};
    return error;
}

enum error cnode_inspect(cap_t cnode, uint64_t slot, struct cap_info *info)
{
    return cnode_compare(cnode, slot, 0, info);
}

uint64_t cnode_object_id(cap_t cnode, uint64_t slot)
{
    struct msg m = {.tag = tag_make(OP_CNODE_OBJECT_ID, 1, 0), .word = {slot}};
    return sys_msg(SYS_CALL, cnode, &m) ? 0 : m.word[0];
}

enum error frame_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    return sys_invoke(frame, tag_make(OP_FRAME_MAP, 3, 0), space, address, rights, 0, 0, 0);
}

enum error frame_unmap(cap_t frame)
{
    return sys_invoke(frame, tag_make(OP_FRAME_UNMAP, 0, 0), 0, 0, 0, 0, 0, 0);
}

enum error notification_signal(cap_t notification)
{
    struct msg m = {.tag = tag_make(0, 0, 0)};
    return sys_msg(SYS_SEND, notification, &m);
}

uint64_t notification_wait(cap_t notification)
{
    struct msg m = {.tag = 0};
    return !sys_msg(SYS_WAIT, notification, &m) ? m.badge : 0;
}

bool notification_poll(cap_t notification, uint64_t *bits)
{
    struct msg m = {.tag = 0};
    bool got = !sys_msg(SYS_TRY_WAIT, notification, &m) && m.badge != 0;
    if (got && bits != NULL)
        *bits = m.badge;
    return got;
}

enum error timer_set(cap_t timer, cap_t notification, uint64_t deadline, uint64_t period)
{
    return sys_invoke(timer, tag_make(OP_TIMER_SET, 3, 0), notification, deadline, period, 0, 0, 0);
}

enum error timer_cancel(cap_t timer)
{
    return sys_invoke(timer, tag_make(OP_TIMER_CANCEL, 0, 0), 0, 0, 0, 0, 0, 0);
}
