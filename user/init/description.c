/* SPDX-License-Identifier: MIT */
/* Reads the processes of the system description, each for itself. */
#include "description_internal.h"

#include <base/format.h>

#include <stdarg.h>
#include <string.h>

#define DEFAULT_BUDGET_US 10000
#define MIN_BUDGET_US     100
#define MAX_PERIOD_US     10000000
#define MAX_DEADLINE_US   10000000
#define MIN_MEMORY_KIB    256
#define MAX_MEMORY_KIB    (16u << 20)
#define MAX_PRIORITY      255
#define MAX_HART          7
#define MAX_INSTANCE 999
#define MAX_VIRTIO_ID     0xffff
#define COMPATIBLE_LENGTH 31 /* of one string */

struct property {
    const char *name;
    bool in_programs;
};

static const struct property known_properties[] = {
    {"phandle", false},    {"linux,phandle", false}, {"program", false},     {"restart", false},
    {"compatible", false}, {"virtio-id", false},     {"serves", false},      {"priority", true},
    {"budget", true},      {"period", true},         {"memory", true},       {"hart", true},
    {"uses", true},        {"kernel", true},         {"deadline-us", false}, {"irq-deadline-us", false},
    {"limits", true},
};

struct kernel_grant {
    const char *name;
    uint32_t bit;
    const char *only; /* process that alone may have it, or NULL: any */
};

static const struct kernel_grant kernel_grants[] = {
    {"log", GRANT_LOG, NULL},       {"log-read", GRANT_LOG_READ, NULL}, {"echo", GRANT_ECHO, NULL},
    {"thread", GRANT_THREAD, NULL}, {"irq", GRANT_IRQ, "dev"},          {"devices", GRANT_DEVICES, "dev"},
    {"memory", GRANT_MEMORY, "mm"}, {"command-line", GRANT_COMMAND_LINE, NULL},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Text of a hostile description must not end the line or move the cursor. */
static void report_line(const struct description_source *source, const char *name, const char *text)
{
    char line[DESCRIPTION_LINE];

    format_buffer(line, sizeof(line), DESCRIPTION_FILE ": %s%s%s", name, *name ? ": " : "", text);
    for (char *c = line; *c != 0; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    source->report(source->context, line);
}

struct text_buffer {
    char text[DESCRIPTION_LINE];
    size_t length;
};

static void append(void *context, char c)
{
    struct text_buffer *buffer = context;

    if (buffer->length < sizeof(buffer->text) - 1)
        buffer->text[buffer->length++] = c;
}

static void report_process(const struct description_source *source, const char *name, const char *format,
                           va_list arguments)
{
    struct text_buffer buffer = {.length = 0};

    format_to(append, &buffer, format, arguments);
    report_line(source, name, buffer.text);
}

bool complain(const struct description_source *source, struct description_process *process,
              const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_process(source, process->name, format, arguments);
    va_end(arguments);
    process->bad = true;
    return false;
}

void remark(const struct description_source *source, const struct description_process *process,
            const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_process(source, process->name, format, arguments);
    va_end(arguments);
}

/* A property of one cell between `least` and `most`. An absent one leaves *value, and is wrong when it is
 * required. */
static bool read_number(const struct reader *reader, const char *name, bool required, uint32_t least,
                        uint32_t most, uint32_t *value)
{
    uint32_t length;

    if (fdt_prop(reader->fdt, reader->node, name, &length) == NULL)
        return !required || complain(reader->source, reader->process, "%shas no %s", reader->part, name);
    if (length != 4 || !fdt_prop_u32(reader->fdt, reader->node, name, 0, value))
        return complain(reader->source, reader->process, "%s%s is not one number", reader->part, name);
    if (*value < least || *value > most) {
        return complain(reader->source, reader->process, "%s%s %u is not between %u and %u", reader->part,
                        name, *value, least, most);
    }
    return true;
}

/* A property of one string that fits `size` bytes. An absent one leaves `value`. */
static bool read_string(const struct reader *reader, const char *name, char *value, size_t size)
{
    uint32_t length;

    if (fdt_prop(reader->fdt, reader->node, name, &length) == NULL)
        return true;
    const char *text = fdt_prop_string(reader->fdt, reader->node, name);
    if (text == NULL || *text == 0 || strlen(text) + 1 != length)
        return complain(reader->source, reader->process, "%s%s is not one string", reader->part, name);
    if (length > size) {
        return complain(reader->source, reader->process, "%s%s is longer than %u characters", reader->part,
                        name, (unsigned)size - 1);
    }
    memcpy(value, text, length);
    return true;
}

static bool check_property_names(const struct reader *reader)
{
    const char *name;
    const void *value;
    uint32_t length;

    for (unsigned n = 0; fdt_prop_at(reader->fdt, reader->node, n, &name, &value, &length); n++) {
        bool known = false;
        for (unsigned i = 0; i < COUNT(known_properties); i++) {
            known |= strcmp(name, known_properties[i].name) == 0 &&
                     (known_properties[i].in_programs || *reader->part == 0);
        }
        if (!known)
            return complain(reader->source, reader->process, "%sunknown property '%s'", reader->part, name);
    }
    return true;
}

static bool add_kernel_grant(const struct reader *reader, const char *name, uint32_t *bits)
{
    const char *process = reader->process->name;

    for (unsigned i = 0; i < COUNT(kernel_grants); i++) {
        const struct kernel_grant *grant = &kernel_grants[i];
        if (strcmp(name, grant->name) != 0)
            continue;
        if (grant->only != NULL && (strcmp(process, grant->only) != 0 || *reader->part != 0)) {
            return complain(reader->source, reader->process, "%skernel: only %s can have \"%s\"",
                            reader->part, grant->only, name);
        }
        *bits |= grant->bit;
        return true;
    }
    return complain(reader->source, reader->process, "%skernel: there is no \"%s\" to have", reader->part,
                    name);
}

static bool read_kernel(const struct reader *reader, uint32_t *bits)
{
    if (fdt_prop(reader->fdt, reader->node, "kernel", NULL) == NULL)
        return true;
    if (fdt_prop_string(reader->fdt, reader->node, "kernel") == NULL)
        return complain(reader->source, reader->process, "%skernel is not a list of strings", reader->part);
    for (unsigned n = 0;; n++) {
        const char *name = fdt_prop_string_at(reader->fdt, reader->node, "kernel", n);
        if (name == NULL)
            return true;
        if (!add_kernel_grant(reader, name, bits))
            return false;
    }
}

/* The list stays as it is in the tree; an empty string is put behind it. */
static bool read_limits(const struct reader *reader, struct description_grant *grant)
{
    uint32_t length;
    const void *list = fdt_prop(reader->fdt, reader->node, "limits", &length);
    const char *text;

    if (list == NULL)
        return true;
    for (unsigned n = 0; (text = fdt_prop_string_at(reader->fdt, reader->node, "limits", n)) != NULL; n++) {
        size_t name = strcspn(text, " ");
        if (name == 0 || text[name] != ' ' || text[name + 1] == 0) {
            return complain(reader->source, reader->process,
                            "%slimits \"%s\" is not a server and words for it", reader->part, text);
        }
    }
    if (length >= sizeof(grant->limits)) {
        return complain(reader->source, reader->process, "%slimits have more than %u characters",
                        reader->part, (unsigned)sizeof(grant->limits) - 1);
    }
    memcpy(grant->limits, list, length);
    return (length > 0 && grant->limits[length - 1] == 0) ||
           complain(reader->source, reader->process, "%slimits are not a list of strings", reader->part);
}

const char *description_limit(const struct description_grant *grant, const char *server, unsigned n)
{
    size_t length = strlen(server);

    for (const char *text = grant->limits; *text != 0; text += strlen(text) + 1) {
        if (strncmp(text, server, length) == 0 && text[length] == ' ' && n-- == 0)
            return text + length + 1;
    }
    return NULL;
}

/* Priority, budget, deadline, memory and kernel capabilities: all of a grant but `uses`, which needs to know
 * every process. */
static bool read_grant(const struct reader *reader, struct description_grant *grant, bool needs_memory)
{
    uint32_t priority = 0, hart = grant->hart, memory = 0;

    grant->budget = grant->period = DEFAULT_BUDGET_US;
    if (!check_property_names(reader) || !read_number(reader, "priority", true, 0, MAX_PRIORITY, &priority) ||
        !read_number(reader, "budget", false, MIN_BUDGET_US, MAX_PERIOD_US, &grant->budget)) {
        return false;
    }
    if (grant->budget > grant->period)
        grant->period = grant->budget;
    if (!read_number(reader, "period", false, MIN_BUDGET_US, MAX_PERIOD_US, &grant->period) ||
        !read_number(reader, "memory", needs_memory, MIN_MEMORY_KIB, MAX_MEMORY_KIB, &memory) ||
        !read_number(reader, "deadline-us", false, 1, MAX_DEADLINE_US, &grant->deadline) ||
        !read_number(reader, "hart", false, 0, MAX_HART, &hart)) {
        return false;
    }
    if (grant->budget > grant->period) {
        return complain(reader->source, reader->process, "%sbudget %u is more than period %u", reader->part,
                        grant->budget, grant->period);
    }
    grant->priority = (uint8_t)priority;
    grant->memory = (uint64_t)memory << 10;
    grant->hart = (uint8_t)hart;
    return read_kernel(reader, &grant->kernel) && read_limits(reader, grant);
}

static bool read_restart(const struct reader *reader)
{
    char restart[16] = "always";

    if (!read_string(reader, "restart", restart, sizeof(restart)))
        return false;
    reader->process->restart = strcmp(restart, "always") == 0;
    return reader->process->restart || strcmp(restart, "never") == 0 ||
           complain(reader->source, reader->process, "restart is neither \"always\" nor \"never\"");
}

/* The list stays as it is in the tree; an empty string is put behind it. */
static bool read_compatible(const struct reader *reader)
{
    struct description_process *process = reader->process;
    uint32_t length;
    const void *list = fdt_prop(reader->fdt, reader->node, "compatible", &length);
    const char *text;
    unsigned n = 0;

    if (list == NULL)
        return true;
    while ((text = fdt_prop_string_at(reader->fdt, reader->node, "compatible", n)) != NULL && *text != 0) {
        if (strlen(text) > COMPATIBLE_LENGTH) {
            return complain(reader->source, process, "compatible \"%s\" is longer than %u characters", text,
                            COMPATIBLE_LENGTH);
        }
        n++;
    }
    if (n == 0 || text != NULL)
        return complain(reader->source, process, "compatible is not a list of strings");
    if (length >= sizeof(process->compatible)) {
        return complain(reader->source, process, "compatible has more than %u characters",
                        (unsigned)sizeof(process->compatible) - 1);
    }
    memcpy(process->compatible, list, length);
    return true;
}

/* The number behind the @ of a driver's name. */
static bool read_instance(struct description_process *process)
{
    const char *text = strchr(process->name, '@');
    uint32_t number = 0;

    process->instance = INSTANCE_ALL;
    if (text == NULL)
        return true;
    for (text++; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint32_t)(*text - '0');
    process->instance = number;
    return *text == 0 && text[-1] != '@' && number <= MAX_INSTANCE;
}

static bool read_hardware(const struct reader *reader)
{
    struct description_process *process = reader->process;

    if (!read_compatible(reader) ||
        !read_number(reader, "virtio-id", false, 1, MAX_VIRTIO_ID, &process->virtio_id) ||
        !read_number(reader, "irq-deadline-us", false, 1, MAX_DEADLINE_US, &process->irq_deadline)) {
        return false;
    }
    if (process->compatible[0] != 0 && !read_instance(process))
        return complain(reader->source, process, "drives hardware: behind the @ must be a number");
    if (process->compatible[0] == 0 && (process->virtio_id != 0 || process->irq_deadline != 0)) {
        return complain(reader->source, process, "%s without compatible",
                        process->virtio_id != 0 ? "virtio-id" : "irq-deadline-us");
    }
    return true;
}

static bool read_serves(const struct reader *reader)
{
    struct description_process *process = reader->process;

    if (fdt_prop(reader->fdt, reader->node, "serves", NULL) == NULL)
        return true;
    if (!read_string(reader, "serves", process->serves, sizeof(process->serves)))
        return false;
    return process->serves[0] != 0 || complain(reader->source, process, "serves names no protocol");
}

static bool read_programs(const struct reader *reader)
{
    struct reader programs = *reader;

    for (int child = fdt_first_child(reader->fdt, reader->node); child != FDT_NONE;
         child = fdt_next_sibling(reader->fdt, child)) {
        if (strcmp(fdt_name(reader->fdt, child), "programs") != 0) {
            return complain(reader->source, reader->process, "unknown node '%s'",
                            fdt_name(reader->fdt, child));
        }
        programs.node = child;
        programs.part = "programs: ";
        reader->process->spawns = true;
        reader->process->programs.hart = HART_ANY;
        if (!read_grant(&programs, &reader->process->programs, true))
            return false;
    }
    return true;
}

static bool check_program(const struct reader *reader)
{
    const struct description_process *process = reader->process;

    return reader->source->has_program(reader->source->context, process->program) ||
           complain(reader->source, reader->process, "program %s is not in the archive", process->program);
}

/* Everything of a process's node but `uses`. */
static bool read_process(const struct reader *reader)
{
    struct description_process *process = reader->process;
    bool is_core = strcmp(process->name, "init") == 0 || strcmp(process->name, "mm") == 0;

    memcpy(process->program, process->name, strcspn(process->name, "@"));
    return read_grant(reader, &process->own, !is_core) &&
           read_string(reader, "program", process->program, sizeof(process->program)) &&
           check_program(reader) && read_restart(reader) && read_hardware(reader) && read_serves(reader) &&
           read_programs(reader);
}

/* Takes the name of a node. False, after a report, when there can be no such process. */
static bool take_name(const struct reader *reader, const char *name)
{
    struct description *description = reader->description;
    size_t length = strlen(name);

    if (length >= sizeof(reader->process->name)) {
        char text[DESCRIPTION_LINE];
        format_buffer(text, sizeof(text), "the name of process %s is longer than %u characters", name,
                      (unsigned)sizeof(reader->process->name) - 1);
        report_line(reader->source, "", text);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            report_line(reader->source, "", "the name of a process has characters that cannot be printed");
            return false;
        }
    }
    memcpy(reader->process->name, name, length);
    for (unsigned i = 0; i < description->count; i++) {
        if (strcmp(description->process[i].name, reader->process->name) == 0)
            return complain(reader->source, &description->process[i], "described twice");
    }
    return true;
}

static void read_processes(struct description *description, const struct fdt *fdt,
                           const struct description_source *source)
{
    for (int node = fdt_first_child(fdt, fdt_root(fdt)); node != FDT_NONE;
         node = fdt_next_sibling(fdt, node)) {
        if (description->count == DESCRIPTION_MAX_PROCESSES) {
            char text[DESCRIPTION_LINE];
            format_buffer(text, sizeof(text), "more than %u processes; left out from %s on",
                          DESCRIPTION_MAX_PROCESSES, fdt_name(fdt, node));
            report_line(source, "", text);
            return;
        }
        struct description_process *process = &description->process[description->count];
        struct reader reader = {source, description, fdt, process, "", node};
        memset(process, 0, sizeof(*process));
        process->node = node;
        if (!take_name(&reader, fdt_name(fdt, node)))
            continue;
        if (!fdt_prop_u32(fdt, node, "phandle", 0, &process->phandle))
            process->phandle = 0;
        read_process(&reader);
        description->count++;
    }
}

static bool is_usable(const struct description *description, const struct description_source *source,
                      const char *name, unsigned index)
{
    if (index == description->count) {
        char text[DESCRIPTION_LINE];
        format_buffer(text, sizeof(text), "describes no process %s, without which no other can run", name);
        report_line(source, "", text);
        return false;
    }
    return !description->process[index].bad;
}

bool description_read(struct description *description, const struct description_source *source)
{
    struct fdt fdt;
    enum fdt_error error = fdt_open(&fdt, source->blob, source->size);

    memset(description, 0, sizeof(*description));
    if (error) {
        report_line(source, "", fdt_strerror(error));
        return false;
    }
    if (!fdt_is_compatible(&fdt, fdt_root(&fdt), "cardea,system")) {
        report_line(source, "",
                    "not a system description: its root is not compatible with \"cardea,system\"");
        return false;
    }
    read_processes(description, &fdt, source);
    description->init = description_find(description, "init");
    description->mm = description_find(description, "mm");
    description->dev = description_find(description, "dev");
    description_read_uses(description, &fdt, source);
    if (!is_usable(description, source, "init", description->init) ||
        !is_usable(description, source, "mm", description->mm)) {
        return false;
    }
    description_order(description, source);
    return true;
}
