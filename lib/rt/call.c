/* SPDX-License-Identifier: MIT */
/* The client's side of a protocol, where a call is long or has capabilities: see proto/proto.h. */
#include "exchange.h"
#include "internal.h"

#include <string.h>

/* Words of a request into the message: the first into its registers, the others into the page, unless the
 * request was built there. */
static void words_out(struct msg *m, struct msg_page *page, const uint64_t *request, unsigned count)
{
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = i < count ? request[i] : 0;
    if (count > MSG_REGS && request != page->word)
        memcpy(&page->word[MSG_REGS], &request[MSG_REGS], (count - MSG_REGS) * 8);
}

/* The words of an answer, as many as came and fit; the rest of the reply becomes zero. */
static void words_in(const struct msg *m, const struct msg_page *page, uint64_t *reply, unsigned count)
{
    unsigned came = tag_length(m->tag) < count ? tag_length(m->tag) : count;
    for (unsigned i = 0; i < came && i < MSG_REGS; i++)
        reply[i] = m->word[i];
    if (came > MSG_REGS && reply != page->word)
        memcpy(&reply[MSG_REGS], &page->word[MSG_REGS], (came - MSG_REGS) * 8);
    for (unsigned i = came; i < count; i++)
        reply[i] = 0;
}

/* Where request and reply are anywhere, or of less words than there are registers. */
static __attribute__((noinline)) enum error copied_call(cap_t server, const struct proto_operation *op,
                                                        const uint64_t *request, unsigned sent,
                                                        uint64_t *reply)
{
    struct msg_page *page = rt_msg_page();
    struct msg m;
    words_out(&m, page, request, sent);
    m.tag = tag_make(op->number, sent, 0);
    enum error error = sys_msg(SYS_CALL, server, &m);
    words_in(&m, page, reply, op->size.reply / 8);
    return error;
}

enum error proto_long_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                           void *reply)
{
    uint64_t *words = rt_msg_page()->word;
    size_t sent = size / 8, wanted = op->size.reply / 8;
    if (request != words || reply != words || sent < MSG_REGS || wanted < MSG_REGS)
        return copied_call(server, op, request, (unsigned)sent, reply);
    uint64_t tag = exchange(SYS_CALL, server, tag_make(op->number, (unsigned)sent, 0), words, words).tag;
    for (size_t i = tag_length(tag); i < wanted; i++)
        words[i] = 0;
    return (enum error)tag_label(tag);
}

/* Takes new slots for what the answer brings; all or none. */
static bool take_slots(const struct proto_operation *op, cap_t *slot)
{
    unsigned count = 0;
    while (count < op->out_count && (slot[count] = slot_alloc()) != 0)
        count++;
    if (count == op->out_count)
        return true;
    while (count > 0)
        slot_release(slot[--count]);
    return false;
}

static void offer(const struct proto_operation *op, struct msg_page *page, const cap_t *slot)
{
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        page->recv_cap[i] = i < op->out_count ? slot[i] : 0;
}

/* Hands out the slots with what came in them, when all came that the operation says; all or none. `slot` is
 * NULL when there are none. */
static enum error take_caps(const struct proto_operation *op, enum error error, unsigned came,
                            const cap_t *slot, cap_t *const *take)
{
    if (!error && came != op->out_count)
        error = ERR_NO_CAP;
    for (unsigned i = 0; i < op->out_count && !error; i++)
        error = cap_check_kind(rt_msg_page()->recv_kind[i], op->out[i]);
    for (unsigned i = 0; i < op->out_count; i++) {
        *take[i] = error ? 0 : slot[i];
        if (error && slot != NULL)
            slot_free(slot[i]);
    }
    return error;
}

enum error proto_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                      void *reply, const cap_t *give, cap_t *const *take)
{
    struct msg_page *page = rt_msg_page();
    cap_t slot[MSG_MAX_CAPS];
    struct msg m;
    unsigned given = 0;
    if (!take_slots(op, slot))
        return take_caps(op, ERR_TOO_MANY, 0, NULL, take);
    for (; give != NULL && given < op->in_most && give[given] != 0; given++)
        page->send_cap[given] = give[given];
    words_out(&m, page, request, (unsigned)(size / 8));
    m.tag = tag_make(op->number, (unsigned)(size / 8), given);
    offer(op, page, slot);
    enum error error = sys_msg(SYS_CALL, server, &m);
    page->recv_cap[0] = 0;
    words_in(&m, page, reply, op->size.reply / 8);
    return op->out_count > 0 ? take_caps(op, error, tag_caps(m.tag), slot, take) : error;
}

void *proto_page(void)
{
    return rt_msg_page()->word;
}
