/* SPDX-License-Identifier: MIT */
/*
 * Changes device trees at random and has them read, COUNT of them from number FIRST on:
 *
 *   trees_fuzz FIRST COUNT MACHINE.dtb... -- DESCRIPTION.dtb...
 *
 * Each number makes the same tree every time; what is found is found again with its number and a COUNT of 1.
 * The last tree is written to the file that TREES_WRITE names.
 */
#include "trees.h"

#include "../../user/init/description.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_SEEDS      64
#define SECONDS_LIMIT  10 /* of the processor, for one tree of up to 256 KiB */
#define MAX_OUTCOMES   128
#define DESCRIPTION_IN 8 /* one tree of so many is a system description */

struct seed {
    const char *name;
    struct tree tree;
};

static struct seed *machine_seeds[MAX_SEEDS], *description_seeds[MAX_SEEDS];
static unsigned machines, descriptions;
static struct tree tree;
static uint64_t current;
static const char *current_seed = "";

static struct {
    const char *format;
    unsigned long count;
} outcomes[MAX_OUTCOMES];

void outcome_count(const char *format)
{
    for (unsigned i = 0; i < MAX_OUTCOMES; i++) {
        if (!outcomes[i].format)
            outcomes[i].format = format;
        if (strcmp(outcomes[i].format, format) == 0) {
            outcomes[i].count++;
            return;
        }
    }
    wrong("more than %d kinds of lines", MAX_OUTCOMES);
}

void outcomes_print(void)
{
    for (unsigned i = 0; i < MAX_OUTCOMES && outcomes[i].format; i++)
        printf("%9lu %s\n", outcomes[i].count, outcomes[i].format);
}

void wrong(const char *format, ...)
{
    va_list arguments;

    printf("tree %lu, made of %s: ", (unsigned long)current, current_seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    abort();
}

static void too_long(int signal)
{
    static const char text[] = ": not read within the time limit\n";
    char number[32];
    int length = snprintf(number, sizeof(number), "tree %lu", (unsigned long)current);

    (void)signal;
    if (write(1, number, (size_t)length) < 0 || write(1, text, sizeof(text) - 1) < 0)
        _exit(2);
    abort();
}

/* The sanitizers end the program themselves; this says which tree it was. */
static void say_number(void)
{
    fprintf(stderr, "tree %lu, made of %s\n", (unsigned long)current, current_seed);
}
void __asan_on_error(void)
{
    say_number();
}

/* --- The system description --- */

static bool has_program(void *context, const char *name)
{
    (void)context;
    return name[0] != 0;
}

static void report(void *context, const char *line)
{
    unsigned *lines = context;

    MUST(strlen(line) > 0 && strlen(line) < DESCRIPTION_LINE && !strchr(line, '\n'));
    ++*lines;
}

void description_try(const struct tree *made)
{
    static struct description description;
    unsigned lines = 0;
    struct description_source source = {NULL, made->size, has_program, report, &lines};
    void *exact = malloc(made->size);

    MUST(exact);
    source.blob = memcpy(exact, made->blob, made->size);
    bool good = description_read(&description, &source);
    MUST(good || lines > 0);
    MUST(description.count <= DESCRIPTION_MAX_PROCESSES && description.order_count <= description.count);
    for (unsigned i = 0; i < description.order_count; i++)
        MUST(description.order[i] < description.count && !description.process[description.order[i]].bad);
    outcome_count(!good   ? "system description refused"
                  : lines ? "system description accepted in part"
                          : "system description accepted");
    free(exact);
}

/* --- All of them --- */

static struct seed *load(const char *path)
{
    struct seed *seed = calloc(1, sizeof(*seed));
    FILE *file = fopen(path, "rb");

    if (!seed || !file) {
        perror(path);
        exit(2);
    }
    seed->name = path;
    seed->tree.size = (uint32_t)fread(seed->tree.blob, 1, sizeof(seed->tree.blob) / 2, file);
    fclose(file);
    return seed;
}

static void write_tree(const char *path)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(tree.blob, 1, tree.size, file) != tree.size || fclose(file) != 0)
        perror(path);
}

static void try_one(uint64_t number)
{
    static const struct itimerval limit = {.it_value.tv_sec = SECONDS_LIMIT};
    uint64_t random = number * 0x9e3779b97f4a7c15ull + 0x43617264656121ull;
    bool is_description;

    for (unsigned i = 0; i < 4; i++)
        random_next(&random);
    current = number;
    is_description = random_below(&random, DESCRIPTION_IN) == 0;
    const struct seed *seed = is_description ? description_seeds[random_below(&random, descriptions)]
                                             : machine_seeds[random_below(&random, machines)];
    current_seed = seed->name;
    tree.size = seed->tree.size;
    memcpy(tree.blob, seed->tree.blob, seed->tree.size);
    setitimer(ITIMER_VIRTUAL, &limit, NULL);
    tree_mutate(&tree, &random);
    if (getenv("TREES_WRITE"))
        write_tree(getenv("TREES_WRITE"));
    if (is_description)
        description_try(&tree);
    else
        machine_read(&tree, &random);
}

int main(int argc, char **argv)
{
    bool described = false;

    if (argc < 6) {
        fprintf(stderr, "usage: trees_fuzz FIRST COUNT MACHINE.dtb... -- DESCRIPTION.dtb...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            described = true;
        else if (described)
            description_seeds[descriptions++] = load(argv[i]);
        else
            machine_seeds[machines++] = load(argv[i]);
    signal(SIGVTALRM, too_long);
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t number = first; number < first + count; number++)
        try_one(number);
    outcomes_print();
    return 0;
}
