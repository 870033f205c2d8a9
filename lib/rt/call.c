/* SPDX-License-Identifier: MIT */
/* The client's side of a protocol. */
#include "internal.h"

#include <string.h>

/* Puts the capabilities to send and the slots to receive into the message page. */
static void offer(const cap_t *give, unsigned give_count, const cap_t *take, unsigned take_count)
{
    struct msg_page *page = rt_msg_page();
    for (unsigned i = 0; i < give_count; i++)
        page->send_cap[i] = give[i];
    for (unsigned i = 0; i < take_count; i++)
        page->recv_cap[i] = take[i];
    /* Ends the list even when it is empty: else the answer could land in slots meant for something else. */
    if (take_count < MSG_MAX_CAPS)
        page->recv_cap[take_count] = 0;
}

/* Puts the first words of a request into those of a message; the others of the eight become zero. */
static void words_out(struct msg *m, const void *request, size_t size)
{
    const uint64_t *from = request;
    unsigned count = (unsigned)(size / 8);
    if ((uintptr_t)request % 8 != 0) {
        memset(m->word, 0, sizeof(m->word));
        memcpy(m->word, request, size < sizeof(m->word) ? size : sizeof(m->word));
        return;
    }
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = i < count ? from[i] : 0;
}

/* Copies the words of an answer out, as many as came and fit; the rest of the reply becomes zero. */
static void words_in(const struct msg *m, void *reply, size_t size)
{
    size_t length = tag_length(m->tag) * 8;
    if (length > size)
        length = size;
    size_t in_registers = length < sizeof(m->word) ? length : sizeof(m->word);
    memcpy(reply, m->word, in_registers);
    if (length > in_registers)
        memcpy((char *)reply + in_registers, &rt_msg_page()->word[MSG_REGS], length - in_registers);
    if (size > length)
        memset((char *)reply + length, 0, size - length);
}

enum error proto_call(cap_t server, uint32_t op, const void *request, size_t request_size, void *reply,
                      size_t reply_size, const cap_t *give, unsigned give_count, const cap_t *take,
                      unsigned take_count, unsigned *taken)
{
    if (request_size > PROTO_MAX_BYTES || give_count > MSG_MAX_CAPS || take_count > MSG_MAX_CAPS)
        return ERR_TOO_LONG;
    struct msg m;
    words_out(&m, request, request_size);
    if (request_size > sizeof(m.word))
        memcpy(&rt_msg_page()->word[MSG_REGS], (const char *)request + sizeof(m.word),
               request_size - sizeof(m.word));
    offer(give, give_count, take, take_count);
    m.tag = tag_make(op, (unsigned)(request_size / 8), give_count);
    enum error error = sys_msg(SYS_CALL, server, &m);
    if (reply_size > 0)
        words_in(&m, reply, reply_size);
    if (taken != NULL)
        *taken = tag_caps(m.tag);
    return error;
}
