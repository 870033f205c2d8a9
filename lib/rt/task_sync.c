/* SPDX-License-Identifier: MIT */
/* Locks and queues of tasks: see task.h. */
#include "task.h"

/* The lock goes from hand to hand: whoever is woken has it. */
enum error task_lock(struct task_lock *lock)
{
    if (lock->holder != NULL)
        return event_wait(&lock->waiters, TASK_FOREVER);
    lock->holder = task_self();
    return ERR_OK;
}

void task_unlock(struct task_lock *lock)
{
    lock->holder = lock->waiters.first;
    event_signal(&lock->waiters);
}

enum error task_queue_put(struct task_queue *queue, uint64_t word, uint64_t deadline)
{
    while (queue->count == queue->size) {
        enum error error = event_wait(&queue->emptied, deadline);
        if (error)
            return error;
    }
    queue->slot[(queue->first + queue->count++) % queue->size] = word;
    event_signal(&queue->filled);
    return ERR_OK;
}

enum error task_queue_take(struct task_queue *queue, uint64_t *word, uint64_t deadline)
{
    while (queue->count == 0) {
        enum error error = event_wait(&queue->filled, deadline);
        if (error)
            return error;
    }
    *word = queue->slot[queue->first];
    queue->first = (queue->first + 1) % queue->size;
    queue->count--;
    event_signal(&queue->emptied);
    return ERR_OK;
}
