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

bool fault_message(struct msg *m)
{
    struct space *space = NULL;
    enum error error = ERR_NOT_FOUND;
    slots_prepare();
    if (badge_kind(m->badge) == BADGE_FAULT)
        space = space_find(badge_number(m->badge));
    if (space != NULL) {
        /* words as in struct fault_message: address, pc, access */
        error = tag_label(m->tag) == FAULT_PAGE ? touch(space, m->word[0], m->word[2]) : ERR_UNSUPPORTED;
        if (!error) {
            space->faults++;
            fault_count++;
        } else {
            crash_note(space, m, error);
        }
    }
    m->tag = tag_make(error, 0, 0);
    return true;
}
