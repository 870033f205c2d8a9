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

enum error proto_call(cap_t server, uint32_t op, const void *request, size_t request_size, void *reply,
                      size_t reply_size, const cap_t *give, unsigned give_count, const cap_t *take,
                      unsigned take_count, unsigned *taken)
{
    if (request_size > PROTO_MAX_BYTES || give_count > MSG_MAX_CAPS || take_count > MSG_MAX_CAPS)
        return ERR_TOO_LONG;
    struct msg m = {0};
    size_t in_registers = request_size < sizeof(m.word) ? request_size : sizeof(m.word);
    if (request_size > 0)
        memcpy(m.word, request, in_registers);
    struct msg_page *page = rt_msg_page();
    if (request_size > in_registers)
        memcpy(&page->word[MSG_REGS], (const char *)request + in_registers, request_size - in_registers);
    offer(give, give_count, take, take_count);
    m.tag = tag_make(op, (unsigned)(request_size / 8), give_count);
    enum error error = sys_msg(SYS_CALL, server, &m);

    size_t length = tag_length(m.tag) * 8;
    if (length > reply_size)
        length = reply_size;
    in_registers = length < sizeof(m.word) ? length : sizeof(m.word);
    if (reply_size != 0) {
        memcpy(reply, m.word, in_registers);
        memcpy((char *)reply + in_registers, &page->word[MSG_REGS], length - in_registers);
        memset((char *)reply + length, 0, reply_size - length);
    }
    if (taken != NULL)
        *taken = tag_caps(m.tag);
    return error;
}
