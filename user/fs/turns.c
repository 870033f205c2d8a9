/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include "mount.h"

#include <rt/task.h>
#include <string.h>

struct turns turns;
static struct event free_for_readers, free_for_one;
bool turn_resolves;

enum error turn_wait(void)
{
    while (turns.alone) {
        enum error error = event_wait(&free_for_readers, TASK_FOREVER);
        if (error)
            return error;
    }
    turns.readers++;
    return ERR_OK;
}

void turn_was_last(void)
{
    event_signal(&free_for_one);
}

enum error turn_begin_alone(void)
{
    while (turns.alone || turns.readers > 0) {
        enum error error = event_wait(&free_for_one, TASK_FOREVER);
        if (error)
            return error;
    }
    turns.alone = true;
    task_shield();
    return ERR_OK;
}

void turn_end_alone(void)
{
    task_unshield();
    turns.alone = false;
    event_broadcast(&free_for_readers);
    event_signal(&free_for_one);
}

void turn_take_alone(void)
{
    task_shield();
    while (turn_begin_alone())
        tasks_wait_here();
    task_unshield();
}

enum error turn_change(enum error (*run)(void))
{
    turn_end();
    enum error error = turn_begin_alone();
    if (!error) {
        error = run();
        turn_end_alone();
    }
    task_shield();
    while (turn_begin())
        tasks_wait_here();
    task_unshield();
    return error;
}

void turn_pause(struct turn *turn)
{
    turn->search_left = filesystem.search_left;
    turn->found_in = filesystem.found_in;
    turn->resolves = turn_resolves;
    if (turn_resolves)
        memcpy(turn->path, filesystem.path, sizeof(turn->path));
    turn_resolves = false;
}

void turn_resume(const struct turn *turn)
{
    filesystem.search_left = turn->search_left;
    filesystem.found_in = turn->found_in;
    turn_resolves = turn->resolves;
    if (turn_resolves)
        memcpy(filesystem.path, turn->path, sizeof(turn->path));
}
