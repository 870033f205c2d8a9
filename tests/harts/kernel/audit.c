/* SPDX-License-Identifier: MIT */
/*
 * Part of a kernel for the stress test: the one that ships, and this, put in front of the operation
 * DEBUG_INFO (ld --wrap). That looks then at everything a process can reach: all capabilities, beginning with
 * the caller's, and the objects, queues and heaps that they lead to. Whatever does not agree is a panic. It
 * runs under the locks of all harts.
 */
#include "invoke.h"
#include "log.h"
#include "panic.h"

#define MAX_ROOTS 1024
#define MAX_QUEUE 100000

static const struct slot *roots[MAX_ROOTS];
static unsigned root_count;

#define MUST(condition, what, where)                                                                         \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            panic("audit: %s: %s, %p", what, #condition, (const void *)(where));                             \
    } while (0)

/* --- Queues --- */

/* Whether the thread waits there; all links must agree. */
static bool queue_has(const struct thread_queue *queue, const struct thread *thread)
{
    const struct thread *last = NULL;
    bool found = false;

    for (const struct thread *at = queue->head; at; at = at->next) {
        static unsigned steps;

        MUST(last == NULL || at->prev == last, "queue", at);
        MUST(++steps < MAX_QUEUE || at->next != queue->head, "queue without end", at);
        found = found || at == thread;
        last = at;
    }
    MUST(queue->head == last || queue->tail == last, "queue", queue);
    return found;
}

static void check_endpoint(const struct endpoint *endpoint)
{
    queue_has(&endpoint->senders, NULL);
    queue_has(&endpoint->receivers, NULL);
    MUST(!endpoint->senders.head || !endpoint->receivers.head, "senders and receivers wait", endpoint);
    MUST(!endpoint->senders.head || !endpoint->lane, "fast lane although senders wait", endpoint);
    MUST(!endpoint->lane || endpoint->lane == endpoint->home, "fast lane away from home", endpoint);
    MUST(endpoint->home || (!endpoint->senders.head && !endpoint->receivers.head), "no home", endpoint);
    for (const struct thread *at = endpoint->receivers.head; at; at = at->next) {
        MUST(at->state == THREAD_BLOCKED_RECV && at->blocked_on == endpoint, "receiver", at);
        MUST(!endpoint->lane || at->hart == endpoint->lane, "receiver of another hart", at);
    }
    for (const struct thread *at = endpoint->senders.head; at; at = at->next) {
        MUST(at->state == THREAD_BLOCKED_SEND && at->blocked_on == endpoint, "sender", at);
        MUST(!at->next || at->priority >= at->next->priority, "less urgent before more urgent", at);
    }
}

static void check_notification(const struct notification *notification)
{
    granule last = 0;

    queue_has(&notification->queue, NULL);
    MUST(!notification->lane || notification->lane == notification->home, "fast lane away from home",
         notification);
    MUST(notification->home || !notification->queue.head, "no home", notification);
    for (const struct thread *at = notification->queue.head; at; at = at->next) {
        MUST(at->state == THREAD_BLOCKED_WAIT && at->blocked_on == notification, "waiter", at);
        MUST(!notification->lane || at->hart == notification->lane, "waiter of another hart", at);
    }
    MUST(!notification->bits || !notification->queue.head, "a waiter was forgotten", notification);
    MUST(!notification->bound || notification->bound->bound == notification, "binding", notification);
    for (granule ref = notification->timers; ref; ref = ((const struct timer *)granule_to(ref))->next) {
        const struct timer *timer = granule_to(ref);

        MUST(timer->notification == notification && timer->prev == last, "timer", timer);
        MUST(timer->node.queued, "timer that never comes", timer);
        last = ref;
    }
}

/* --- Threads and their time --- */

static void check_waits(const struct thread *thread)
{
    const struct endpoint *endpoint = thread->blocked_on;
    const struct notification *notification = thread->blocked_on;
    const struct thread *callee = thread->blocked_on;
    const struct reply *reply = thread->blocked_on;

    switch (thread->state) {
    case THREAD_BLOCKED_SEND:
        MUST(queue_has(&endpoint->senders, thread), "sender in no queue", thread);
        break;
    case THREAD_BLOCKED_RECV:
        MUST(queue_has(&endpoint->receivers, thread), "receiver in no queue", thread);
        break;
    case THREAD_BLOCKED_WAIT:
        MUST(queue_has(&notification->queue, thread), "waiter in no queue", thread);
        break;
    case THREAD_BLOCKED_REPLY:
        MUST((thread->blocked_on_reply ? reply->caller : callee->caller) == thread, "nobody answers", thread);
        break;
    default:
        MUST(thread->state < THREAD_STATE_COUNT, "state", thread);
    }
}

static void check_thread(const struct thread *thread)
{
    const struct thread *caller = thread->caller;
    const struct sched_context *context = thread->context;
    bool runs = thread->hart && thread->hart->current == thread;

    check_waits(thread);
    MUST(!thread->fp_hart || (thread->fp_hart->fp_owner == thread && thread->fp_eager && context &&
                              thread->fp_hart == &harts[context->hart]), "FP registers elsewhere", thread);
    MUST(thread->lane_level == (thread->fp_eager ? LEVEL_FP : thread->priority), "level", thread);
    MUST(!caller || (caller->state == THREAD_BLOCKED_REPLY && !caller->blocked_on_reply &&
                     caller->blocked_on == thread), "caller", thread);
    MUST(!thread->bound || thread->bound->bound == thread, "bound notification", thread);
    if (thread->state != THREAD_READY) {
        MUST(!runs && !thread->queued, "runs although it is not ready", thread);
        return;
    }
    MUST(!context || context->thread == thread, "context of another", thread);
    if (context && context->remaining && runs == thread->queued)
        panic("audit: %p is ready, runs %u, is queued %u; its hart %p, context's %u; current %p by %p",
              thread, runs, thread->queued, thread->hart, context->hart, harts[context->hart].current,
              hart_self());
    MUST(!runs || !context || context->hart == thread->hart->index || thread->hart->reschedule,
         "on another hart", thread);
}

static void check_context(const struct sched_context *context)
{
    const struct thread *thread = context->thread;

    MUST(!thread || thread->context == context, "runs on another context", context);
    MUST(context->remaining <= context->budget && context->budget <= context->period, "budget", context);
    MUST(!context->owner || !context->budget || context->remaining || context->node.queued,
         "never replenished", context);
}

/* Goes through the heap along its own links, without a stack. */
static void check_heap(const struct hart *hart, granule ref)
{
    granule from = 0;

    while (ref) {
        const struct heap_node *node = granule_to(ref);
        granule next = node->parent;

        if (from == node->parent) {
            const struct heap_node *parent = granule_to(node->parent);

            MUST(node->queued && node->hart == hart->index, "heap", node);
            MUST(!parent || parent->deadline <= node->deadline, "heap out of order", node);
            next = node->left ? node->left : node->right ? node->right : node->parent;
        } else if (from == node->left && node->right) {
            next = node->right;
        }
        from = ref;
        ref = next;
    }
}

static void check_hart(const struct hart *hart)
{
    const struct thread *front = hart->front;

    MUST(!hart->fp_owner || hart->fp_owner->fp_hart == hart, "FP registers of nobody", hart);
    MUST(!(hart->closed & CLOSED_FP) || hart->fp_owner == hart->current, "FP is on", hart);
    for (unsigned priority = 0; priority < PRIORITIES; priority++) {
        const struct thread_queue *queue = &hart->ready[priority];
        bool marked = hart->ready_map[priority / 64] >> priority % 64 & 1;

        MUST(marked == (queue->head != NULL), "ready map", hart);
        queue_has(queue, NULL);
        for (const struct thread *at = queue->head; at; at = at->next)
            MUST(at->state == THREAD_READY && at->queued && at->priority == priority && at->context &&
                 at->context->hart == hart->index, "ready queue", at);
    }
    MUST(!front || (front->state == THREAD_READY && front->queued), "in front", front);
    MUST(!hart->current || hart->current->hart == hart, "current", hart);
    check_heap(hart, hart->heap);
    check_heap(hart, hart->throttled);
}

/* --- Capabilities --- */

static bool same_object(const struct slot *a, const struct slot *b)
{
    return b && a->type == b->type && a->object == b->object;
}

static void check_space(const struct address_space *space)
{
    granule last = 0;

    for (granule ref = space->note.maps >> 1; ref; ref = ((const struct slot *)granule_to(ref))->map_next) {
        const struct slot *slot = granule_to(ref);

        MUST(slot->type == OBJ_FRAME || slot->type == OBJ_PAGE_TABLE, "mapped", slot);
        MUST(slot->space == space && slot->map_prev == last, "list of mappings", slot);
        last = ref;
    }
}

static void check_links(const struct slot *slot)
{
    const struct slot *parent = slot->parent;

    MUST(slot->type < OBJ_TYPE_COUNT && !slot_is_empty(slot), "capability", slot);
    MUST(!slot->next || (slot->next->prev == slot && slot->next->parent == parent), "tree", slot);
    MUST(!slot->prev || slot->prev->next == slot, "tree", slot);
    MUST(!slot->child || (slot->child->parent == slot && !slot->child->prev), "tree", slot);
    MUST(slot->prev || !parent || parent->child == slot, "tree", slot);
    if (!parent)
        return;
    if (parent->type == OBJ_UNTYPED) {
        uint64_t offset = (const char *)slot->object - (const char *)parent->object;

        MUST(offset < 1ull << parent->size_bits && offset < parent->used, "outside its memory", slot);
    } else {
        MUST(same_object(slot, parent), "copy of something else", slot);
        MUST(!(slot->rights & ~parent->rights), "more rights than what it was copied from", slot);
    }
}

static void root_add(const struct slot *slot)
{
    while (slot->parent)
        slot = slot->parent;
    for (unsigned i = 0; i < root_count; i++)
        if (roots[i] == slot)
            return;
    MUST(root_count < MAX_ROOTS, "too many trees", slot);
    roots[root_count++] = slot;
}

/* Capabilities that were derived from nothing are found in CNodes only. */
static void check_cnode(const struct slot *cnode)
{
    const struct slot *slots = cnode->object;

    for (uint64_t i = 1; i < 1ull << (cnode->size_bits - SLOT_BITS); i++)
        if (!slot_is_empty(&slots[i]) && !slots[i].parent)
            root_add(&slots[i]);
}

static void check_object(const struct slot *slot)
{
    const struct reply *reply = slot->object;

    switch (slot->type) {
    case OBJ_CNODE: return check_cnode(slot);
    case OBJ_THREAD: return check_thread(slot->object);
    case OBJ_SCHED_CONTEXT: return check_context(slot->object);
    case OBJ_ADDRESS_SPACE: return check_space(slot->object);
    case OBJ_ENDPOINT: return check_endpoint(slot->object);
    case OBJ_NOTIFICATION: return check_notification(slot->object);
    case OBJ_REPLY:
        MUST(!reply->caller || (reply->caller->blocked_on == reply && reply->caller->blocked_on_reply),
             "caller put aside", reply);
        break;
    default: break;
    }
}

static void check_tree(const struct slot *root)
{
    const struct slot *slot = root;

    while (slot) {
        check_links(slot);
        if (!same_object(slot, slot->parent))
            check_object(slot);
        if (slot->child) {
            slot = slot->child;
            continue;
        }
        while (slot != root && !slot->next)
            slot = slot->parent;
        slot = slot == root ? NULL : slot->next;
    }
}

int __real_op_DEBUG_INFO(struct thread *by, struct slot *cap);
int __wrap_op_DEBUG_INFO(struct thread *by, struct slot *cap)
{
    root_count = 0;
    root_add(&by->slot[THREAD_CSPACE]);
    for (unsigned i = 0; i < root_count; i++)
        check_tree(roots[i]);
    for (unsigned i = 0; i < hart_count; i++)
        check_hart(&harts[i]);
    return __real_op_DEBUG_INFO(by, cap);
}
