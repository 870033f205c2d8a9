/* SPDX-License-Identifier: MIT */
/* Reads who uses whom in the system description, once all processes are known. */
#include "description_internal.h"

#include <string.h>

#define MAX_RIGHTS 0xffff

static unsigned find_phandle(const struct description *description, uint32_t phandle)
{
    unsigned i = 0;

    while (i < description->count && (phandle == 0 || description->process[i].phandle != phandle))
        i++;
    return i;
}

static bool add_use(const struct reader *reader, struct description_grant *grant, uint32_t phandle,
                    uint32_t rights)
{
    struct description *description = reader->description;
    unsigned target = find_phandle(description, phandle);

    /* That may be a mistake of the other's: this one starts without it. */
    if (target == description->count) {
        remark(reader->source, reader->process, "%sstarts without phandle %u, which no process has",
               reader->part, phandle);
        return true;
    }
    const char *name = description->process[target].name;
    if (description->process[target].serves[0] == 0 && !description->process[target].bad) {
        remark(reader->source, reader->process, "%sstarts without %s, which serves nothing", reader->part,
               name);
        return true;
    }
    if (rights == 0 || rights > MAX_RIGHTS) {
        return complain(reader->source, reader->process, "%srights 0x%x to %s are not between 1 and 0x%x",
                        reader->part, rights, name, MAX_RIGHTS);
    }
    for (unsigned i = 0; i < grant->use_count; i++) {
        if (grant->use[i].target == target)
            return complain(reader->source, reader->process, "%suses %s twice", reader->part, name);
    }
    grant->use[grant->use_count++] = (struct description_use){(uint8_t)target, (uint16_t)rights};
    return true;
}

static bool read_uses(const struct reader *reader, struct description_grant *grant)
{
    uint32_t length = 0, phandle, rights;
    const void *value = fdt_prop(reader->fdt, reader->node, "uses", &length);

    if (value != NULL && (length == 0 || length % 8 != 0)) {
        return complain(reader->source, reader->process, "%suses is not a list of pairs <&process rights>",
                        reader->part);
    }
    if (length / 8 > DESCRIPTION_MAX_USES) {
        return complain(reader->source, reader->process, "%suses %u processes, more than %u", reader->part,
                        length / 8, DESCRIPTION_MAX_USES);
    }
    for (unsigned n = 0; n < length / 8; n++) {
        if (!fdt_prop_u32(reader->fdt, reader->node, "uses", 2 * n, &phandle) ||
            !fdt_prop_u32(reader->fdt, reader->node, "uses", 2 * n + 1, &rights) ||
            !add_use(reader, grant, phandle, rights)) {
            return false;
        }
    }
    return true;
}

/* The kind of hardware that both drive, NULL when there is none. */
static const char *shared_hardware(const struct description_process *a, const struct description_process *b)
{
    bool same_id = a->virtio_id == b->virtio_id || a->virtio_id == 0 || b->virtio_id == 0;

    if (a->instance != b->instance && a->instance != INSTANCE_ALL && b->instance != INSTANCE_ALL)
        return NULL;
    for (const char *one = a->compatible; *one != 0; one += strlen(one) + 1) {
        for (const char *other = b->compatible; *other != 0; other += strlen(other) + 1) {
            if (strcmp(one, other) == 0 && (same_id || strcmp(one, "virtio,mmio") != 0))
                return one;
        }
    }
    return NULL;
}

/* A driver uses dev, and drives what no earlier one drives. */
static void check_drivers(struct description *description, const struct description_source *source)
{
    for (unsigned i = 0; i < description->count; i++) {
        struct description_process *process = &description->process[i];
        if (process->compatible[0] == 0 || process->bad)
            continue;
        if (!description_uses(process, description->dev))
            complain(source, process, "drives %s but does not use dev", process->compatible);
        for (unsigned k = 0; k < i && !process->bad; k++) {
            const struct description_process *other = &description->process[k];
            const char *shared = other->bad ? NULL : shared_hardware(process, other);
            if (shared != NULL)
                complain(source, process, "drives %s, as %s does already", shared, other->name);
        }
    }
}

void description_read_uses(struct description *description, const struct fdt *fdt,
                           const struct description_source *source)
{
    for (unsigned i = 0; i < description->count; i++) {
        struct description_process *process = &description->process[i];
        struct reader reader = {source, description, fdt, process, "", process->node};
        if (process->bad || !read_uses(&reader, &process->own) || !process->spawns)
            continue;
        reader.part = "programs: ";
        reader.node = fdt_child(fdt, process->node, "programs");
        read_uses(&reader, &process->programs);
    }
    check_drivers(description, source);
}

unsigned description_find(const struct description *description, const char *name)
{
    unsigned i = 0;

    while (i < description->count && strcmp(description->process[i].name, name) != 0)
        i++;
    return i;
}

static bool grant_uses(const struct description_grant *grant, unsigned target)
{
    for (unsigned i = 0; i < grant->use_count; i++) {
        if (grant->use[i].target == target)
            return true;
    }
    return false;
}

bool description_uses(const struct description_process *process, unsigned target)
{
    return grant_uses(&process->own, target) || (process->spawns && grant_uses(&process->programs, target));
}
