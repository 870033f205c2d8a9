/* SPDX-License-Identifier: MIT */
/*
 * What programs log. Each has a journal of its own, so that none can push out another's lines, and its lines
 * have its name and number, so that none can look like another's or the system's. The lines of programs that
 * have ended lie in one journal for all. Memory for a journal is asked for when somebody speaks who finds
 * none left by another.
 */
#include "init.h"

#include "journal.h"
#include <base/format.h>

#define SPEAKERS    64
#define OWN_BYTES   (PAGE_BYTES / 2)
#define ENDED_BYTES 16384

static struct speaker {
    uint64_t number; /* of the process; 0: free */
    struct journal journal;
} speakers[SPEAKERS];
static char ended_text[ENDED_BYTES];
static struct journal ended = {.text = ended_text, .size = ENDED_BYTES};

static struct speaker *find(uint64_t number)
{
    for (unsigned i = 0; i < SPEAKERS; i++) {
        if (speakers[i].number == number)
            return &speakers[i];
    }
    return NULL;
}

/* Gives a speaker, and the one beside it, memory for its journal. False: there is none. */
static bool get_memory(struct speaker *speaker)
{
    struct speaker *pair = &speakers[(speaker - speakers) / 2 * 2];
    char *text = rt_map(PAGE_BYTES, MM_READ | MM_WRITE);

    if (text == NULL)
        return false;
    pair[0].journal = (struct journal){.text = text, .size = OWN_BYTES};
    pair[1].journal = (struct journal){.text = text + OWN_BYTES, .size = OWN_BYTES};
    return true;
}

/* The journal of a process; that of the ended when too many speak, or there is no memory for another. */
static struct journal *journal_of(uint64_t number)
{
    struct speaker *speaker = find(number);

    if (speaker == NULL)
        speaker = find(0);
    if (speaker == NULL)
        return &ended;
    if (speaker->journal.text == NULL && !get_memory(speaker))
        return &ended;
    speaker->number = number;
    return &speaker->journal;
}

/* A program's name and number; the characters that part names from text are not in it. */
static void full_name(char *name, size_t size, const struct process *process)
{
    bool program = process->described == NOT_DESCRIBED;
    char plain[sizeof(process->name)];

    format_buffer(plain, sizeof(plain), "%s", process->name);
    for (char *c = plain; *c != 0 && program; c++) {
        if (*c == ':' || *c == '[' || *c == ']')
            *c = '?';
    }
    if (program)
        format_buffer(name, size, "%s[%lu]", plain, process->number);
    else
        format_buffer(name, size, "%s", plain);
}

/* Microseconds of the time register, as the kernel's own lines have them. */
static uint64_t now_us(void)
{
    uint64_t second = rt_ticks_of_us(1000000), ticks = rt_ticks();

    return ticks / second * 1000000 + ticks % second * 1000000 / second;
}

void say(const struct process *process, const char *bytes, size_t length)
{
    char name[48];

    full_name(name, sizeof(name), process);
    journal_add(journal_of(process->number), now_us(), name, bytes, length);
}

void say_ended(uint64_t number)
{
    struct speaker *speaker = number != 0 ? find(number) : NULL;

    if (speaker == NULL)
        return;
    journal_move(&speaker->journal, &ended);
    speaker->number = 0;
}

enum error say_read(struct proc_said_request q, struct proc_said_reply *r)
{
    const struct journal *journal = &ended;

    if (q.journal > SPEAKERS)
        return ERR_NOT_FOUND;
    if (q.journal < SPEAKERS)
        journal = &speakers[q.journal].journal;
    r->position = q.position;
    if (journal->text != NULL)
        r->length = journal_read(journal, &r->position, r->bytes, sizeof(r->bytes));
    return ERR_OK;
}
