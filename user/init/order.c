/* SPDX-License-Identifier: MIT */
/* The order in which the described processes start: each after those that it uses. Finds cycles. */
#include "description_internal.h"

#include <base/format.h>

#include <string.h>

/* What one search for the order keeps in mind. */
struct search {
    struct description *description;
    const struct description_source *source;
    bool placed[DESCRIPTION_MAX_PROCESSES];
};

/* Somebody that `process` uses and that satisfies `wanted`; description->count when there is none. */
static unsigned used_by(const struct search *search, const struct description_process *process,
                        bool (*wanted)(const struct search *search, unsigned target))
{
    unsigned target = 0;

    while (target < search->description->count &&
           !(description_uses(process, target) && wanted(search, target))) {
        target++;
    }
    return target;
}

static bool is_bad(const struct search *search, unsigned target)
{
    return search->description->process[target].bad;
}

static bool is_waiting(const struct search *search, unsigned target)
{
    return !search->placed[target] && !is_bad(search, target);
}

/* Takes bad processes out of what is used, and reports each. */
static void drop_bad(const struct search *search, const struct description_process *process, const char *part,
                     struct description_grant *grant)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < grant->use_count; i++) {
        if (is_bad(search, grant->use[i].target)) {
            remark(search->source, process, "%sstarts without %s, which is left out", part,
                   search->description->process[grant->use[i].target].name);
        } else {
            grant->use[kept++] = grant->use[i];
        }
    }
    grant->use_count = (uint8_t)kept;
}

/* Nobody but a driver, which is nothing without its devices, goes down with what is left out. */
static void do_without_bad(const struct search *search)
{
    struct description *description = search->description;
    bool no_dev = description->dev < description->count && is_bad(search, description->dev);

    for (unsigned i = 0; i < description->count && no_dev; i++) {
        struct description_process *process = &description->process[i];
        if (!process->bad && process->compatible[0] != 0)
            complain(search->source, process, "left out, because it drives %s and dev is left out",
                     process->compatible);
    }
    for (unsigned i = 0; i < description->count; i++) {
        struct description_process *process = &description->process[i];
        if (process->bad)
            continue;
        drop_bad(search, process, "", &process->own);
        if (process->spawns)
            drop_bad(search, process, "programs: ", &process->programs);
    }
}

/* Places all that can be started after what is placed already. */
static void place(struct search *search)
{
    struct description *description = search->description;
    bool again;

    do {
        again = false;
        for (unsigned i = 0; i < description->count; i++) {
            if (is_waiting(search, i) &&
                used_by(search, &description->process[i], is_waiting) == description->count) {
                search->placed[i] = true;
                description->order[description->order_count++] = (uint8_t)i;
                again = true;
            }
        }
    } while (again);
}

/* Follows uses from `start`, which waits for somebody that waits, until one comes up again; reports that
 * cycle. */
static void report_cycle(const struct search *search, unsigned start)
{
    struct description *description = search->description;
    uint8_t path[DESCRIPTION_MAX_PROCESSES];
    bool on_path[DESCRIPTION_MAX_PROCESSES] = {false};
    char line[DESCRIPTION_LINE];
    unsigned length = 0, first = 0;

    for (unsigned at = start; !on_path[at]; at = used_by(search, &description->process[at], is_waiting)) {
        path[length++] = (uint8_t)at;
        on_path[at] = true;
    }
    unsigned again = used_by(search, &description->process[path[length - 1]], is_waiting);
    while (path[first] != again)
        first++;
    size_t used = (size_t)format_buffer(line, sizeof(line), DESCRIPTION_FILE ": cycle of uses: ");
    for (unsigned i = first; i < length && used < sizeof(line); i++) {
        description->process[path[i]].bad = true;
        used += (size_t)format_buffer(line + used, sizeof(line) - used, "%s -> ",
                                      description->process[path[i]].name);
    }
    if (used < sizeof(line))
        format_buffer(line + used, sizeof(line) - used, "%s", description->process[again].name);
    search->source->report(search->source->context, line);
}

void description_order(struct description *description, const struct description_source *source)
{
    struct search search = {.description = description, .source = source};

    search.placed[description->init] = search.placed[description->mm] = true;
    for (;;) {
        do_without_bad(&search);
        place(&search);
        unsigned waiting = 0;
        while (waiting < description->count && !is_waiting(&search, waiting))
            waiting++;
        if (waiting == description->count)
            return;
        report_cycle(&search, waiting);
    }
}
