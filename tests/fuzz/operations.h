/* SPDX-License-Identifier: MIT */
/* The operations on kernel objects that the fuzzer tries, and the kinds of their arguments: see
 * argument(). */
#pragma once

#include <abi/object.h>

/* What each operation takes. The order is part of what inputs mean: new ones come last. */
static const struct {
    uint8_t type;
    uint16_t op;
    const char *arguments;
} operations[] = {
    {OBJ_UNTYPED, OP_UNTYPED_RETYPE, "tbCsco"},
    {OBJ_UNTYPED, OP_UNTYPED_INFO, ""},
    {OBJ_CNODE, OP_CNODE_COPY, "sCfr"},
    {OBJ_CNODE, OP_CNODE_MINT, "sCfrw"},
    {OBJ_CNODE, OP_CNODE_MOVE, "sCf"},
    {OBJ_CNODE, OP_CNODE_DELETE, "f"},
    {OBJ_CNODE, OP_CNODE_REVOKE, "f"},
    {OBJ_CNODE, OP_CNODE_INSPECT, "ff"},
    {OBJ_CNODE, OP_CNODE_SIZE, ""},
    {OBJ_CNODE, OP_CNODE_OBJECT_ID, "f"},
    {OBJ_THREAD, OP_THREAD_CONFIGURE, "KAFE"},
    {OBJ_THREAD, OP_THREAD_BIND_CONTEXT, "S"},
    {OBJ_THREAD, OP_THREAD_SET_PRIORITY, "qq"},
    {OBJ_THREAD, OP_THREAD_START, "awwwww"},
    {OBJ_THREAD, OP_THREAD_SUSPEND, ""},
    {OBJ_THREAD, OP_THREAD_RESUME, ""},
    {OBJ_THREAD, OP_THREAD_READ_REGISTERS, ""},
    {OBJ_THREAD, OP_THREAD_WRITE_REGISTERS, "ww"},
    {OBJ_THREAD, OP_THREAD_BIND_NOTIFICATION, "N"},
    {OBJ_THREAD, OP_THREAD_SET_FOREIGN, "w"},
    {OBJ_THREAD, OP_THREAD_SET_NAME, "ww"},
    {OBJ_THREAD, OP_THREAD_INFO, ""},
    {OBJ_SCHED_CONTEXT, OP_SCHED_CONTEXT_INFO, ""},
    {OBJ_ADDRESS_SPACE, OP_ADDRESS_SPACE_INFO, ""},
    {OBJ_PAGE_TABLE, OP_PAGE_TABLE_MAP, "Aa"},
    {OBJ_PAGE_TABLE, OP_PAGE_TABLE_UNMAP, ""},
    {OBJ_FRAME, OP_FRAME_MAP, "Aam"},
    {OBJ_FRAME, OP_FRAME_UNMAP, ""},
    {OBJ_FRAME, OP_FRAME_CLEAR, ""},
    {OBJ_FRAME, OP_FRAME_INFO, ""},
    {OBJ_REPLY, OP_REPLY_SAVE_CALLER, ""},
    {OBJ_TIMER, OP_TIMER_SET, "Ndp"},
    {OBJ_TIMER, OP_TIMER_CANCEL, ""},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_BIND, "N"},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_ACK, ""},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_UNBIND, ""},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_SET_PRIORITY, "w"},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_SET_DEADLINE, "u"},
    {OBJ_IRQ_HANDLER, OP_IRQ_HANDLER_INFO, ""},
    {OBJ_IRQ_CONTROL, OP_IRQ_CONTROL_GET, "lCs"},
    {OBJ_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, "Suu"},
    {OBJ_DEBUG, OP_DEBUG_LOG, "www"},
    {OBJ_DEBUG, OP_DEBUG_READ_LOG, "w"},
    {OBJ_DEBUG, OP_DEBUG_SET_ECHO, "w"},
    {OBJ_DEBUG, OP_DEBUG_INFO, ""},
    {OBJ_THREAD, OP_THREAD_SET_TIMEOUT_FAULT, "w"},
    {OBJ_SCHED_CONTEXT, OP_SCHED_CONTEXT_SET_DEADLINE, "u"},
    {OBJ_SCHED_CONTEXT, OP_SCHED_CONTEXT_DEADLINE_INFO, ""},
    {OBJ_THREAD, OP_THREAD_CONFIGURE, "KAFESQ"},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))
