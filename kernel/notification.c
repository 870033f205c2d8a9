/* SPDX-License-Identifier: MIT */
/* Notifications: a word of event bits, signalled without blocking. */
#include "notification.h"

#include "cap.h"
#include "context.h"
#include "ipc.h"
#include "irq.h"
#include "sched.h"
#include "timer.h"

void notification_give(struct notification *notification, struct thread *thread, uint64_t tag)
{
    thread->blocked_on = NULL;
    thread->state = THREAD_READY;
    thread_result(thread, notification->bits, tag, NULL, 0);
    notification->bits = 0;
    deadline_end(thread);
    deadline_begin(thread);
    sched_ready(thread);
}

void notification_come_home(struct notification *notification, struct hart *hart)
{
    if (!notification->queue.head)
        notification->lane = notification->home = hart;
    else if (notification->home != hart)
        notification->lane = NULL;
}

void notification_signal(struct notification *notification, uint64_t bits)
{
    struct thread *thread = notification->queue.head;

    if (!notification->home || notification->home == hart_self())
        notification_come_home(notification, hart_self());
    notification->bits |= bits;
    if (!notification->bits)
        return;
    if (thread) {
        queue_remove(&notification->queue, thread);
        notification_give(notification, thread, tag_make(ERR_OK, 0, 0));
    } else if (notification->bound && notification->bound->state == THREAD_BLOCKED_RECV) {
        thread = notification->bound;
        queue_remove(&((struct endpoint *)thread->blocked_on)->receivers, thread);
        notification_give(notification, thread, TAG_SIGNAL);
    } else if (notification->bound) {
        thread_lane_update(notification->bound);
    }
}

void notification_receive(struct thread *thread, const struct slot *slot, bool block)
{
    struct notification *notification = slot->object;
    enum error error = slot->rights & RIGHT_WAIT ? ERR_OK : ERR_NO_RIGHT;

    if (!error)
        notification_come_home(notification, thread->hart);
    if (!error && !notification->bits && !block)
        error = ERR_WOULD_BLOCK;
    if (error) {
        thread_result(thread, 0, tag_make(error, 0, 0), NULL, 0);
    } else if (notification->bits) {
        notification_give(notification, thread, tag_make(ERR_OK, 0, 0));
        if (notification->bound)
            thread_lane_update(notification->bound);
    } else {
        deadline_end(thread);
        if (!thread->lane_slots)
            notification->lane = NULL;
        thread->state = THREAD_BLOCKED_WAIT;
        thread->blocked_on = notification;
        queue_append(&notification->queue, thread);
    }
}

bool notification_destroy(struct notification *notification)
{
    struct thread *thread = notification->queue.head;

    if (thread) {
        queue_remove(&notification->queue, thread);
        thread_wake_error(thread, ERR_PEER_GONE);
        return false;
    }
    if (notification->timers) {
        timer_stop(granule_to(notification->timers));
        return false;
    }
    if (notification->irq_count)
        irq_forget(notification);
    if (notification->bound) {
        notification->bits = 0;
        thread_lane_update(notification->bound);
        notification->bound->bound = NULL;
    }
    notification->bound = NULL;
    return true;
}
