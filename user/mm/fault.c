/* SPDX-License-Identifier: MIT */
/* Fault messages: pages made present at first touch, and crashes kept for init. */
#include "mm.h"

static cap_t crash_notification;
static uint64_t crash_count;
static uint64_t fault_count;

void fault_init(cap_t notification)
{
    crash_notification = notification;
    crash_count = fault_count = 0;
}

uint64_t faults_handled(void)
{
    return fault_count;
}

/* Keeps what happened, the newest if there was one before, and tells init. */
static void crash_note(struct space *space, const struct msg *m, enum error error)
{
    struct crash *crash = &space->crash;
    if (crash->order == 0)
        crash->order = ++crash_count;
    crash->fault = tag_label(m->tag);
    crash->error = error;
    for (unsigned i = 0; i < sizeof(crash->word) / sizeof(crash->word[0]); i++)
        crash->word[i] = m->word[i];
    if (crash_notification != 0)
        notification_signal(crash_notification);
}

struct space *crash_next(void)
{
    struct space *oldest = NULL, *space;
    for (unsigned i = 0; (space = space_at(i)) != NULL; i++)
        if (space->used && space->crash.order != 0 &&
            (oldest == NULL || space->crash.order < oldest->crash.order))
            oldest = space;
    return oldest;
}

/* The space of the thread that faulted; NULL: it has ended. */
static struct space *faulting(const struct msg *m)
{
    return badge_kind(m->badge) == BADGE_FAULT ? space_find(badge_number(m->badge)) : NULL;
}

/* Makes the page present; words as in struct fault_message: address, pc, access. */
static enum error resolve(struct space *space, const struct msg *m)
{
    if (space == NULL)
        return ERR_NOT_FOUND;
    if (tag_label(m->tag) != FAULT_PAGE)
        return ERR_UNSUPPORTED;
    enum error error = touch(space, m->word[0], m->word[2]);
    if (!error) {
        space->faults++;
        __atomic_fetch_add(&fault_count, 1, __ATOMIC_RELAXED);
    }
    return error;
}

/* Under the own lock if the space is at home here: the usual case. */
static enum error resolve_here(const struct msg *m)
{
    struct space *space = faulting(m);
    bool here = space != NULL && space->home == lock_self() && !slots_scarce();
    return here ? resolve(space, m) : ERR_WOULD_BLOCK;
}

static enum error resolve_anywhere(const struct msg *m)
{
    lock_all();
    slots_prepare();
    struct space *space = faulting(m);
    enum error error = resolve(space, m);
    if (error && space != NULL)
        crash_note(space, m, error);
    return error;
}

bool fault_message(struct msg *m)
{
    lock_enter();
    enum error error = resolve_here(m);
    if (error)
        error = resolve_anywhere(m);
    lock_leave();
    m->tag = tag_make(error, 0, 0);
    return true;
}
