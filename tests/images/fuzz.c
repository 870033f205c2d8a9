/* SPDX-License-Identifier: MIT */
/*
 * Changes images at random, reads them and has mkfs check them, COUNT of them from number FIRST on:
 *
 *   images_fuzz FIRST COUNT IMAGE...
 *
 * Each number makes the same image every time; what is found is found again with its number and a COUNT of 1.
 * The last image is written to the file that IMAGES_WRITE names.
 */
#include "../../tools/mkfs/check.h"
#include "images.h"

#include <fmt/ext4.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define SECONDS_LIMIT 10         /* of the processor, for one image */
#define MEMORY_LIMIT  (64 << 20) /* for one table of the check */
#define METADATA      100        /* blocks at the beginning that hold anything */

static uint64_t current;
static const char *current_seed = "";

void wrong(const char *format, ...)
{
    va_list arguments;

    printf("image %lu, made of %s: ", (unsigned long)current, current_seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    abort();
}

/* What mkfs has in its main.c. */
void die(const char *format, ...)
{
    wrong("the check dies: %s", format);
}

void *allocate(size_t size)
{
    void *memory = size <= MEMORY_LIMIT ? calloc(1, size + 1) : NULL;

    if (!memory)
        wrong("the check wants %zu bytes", size);
    return memory;
}

static void too_long(int signal)
{
    char text[80];
    int length =
        snprintf(text, sizeof(text), "image %lu: not read within the time limit\n", (unsigned long)current);

    (void)signal;
    if (write(1, text, (size_t)length) < 0)
        _exit(2);
    abort();
}

/* The sanitizers end the program themselves; this says which image it was. */
void __asan_on_error(void)
{
    printf("image %lu, made of %s\n", (unsigned long)current, current_seed);
    fflush(stdout);
}

static struct seed load(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct seed seed = {.name = path};

    if (!file || fseek(file, 0, SEEK_END) != 0)
        wrong("%s: cannot be read", path);
    seed.size = (size_t)ftell(file);
    rewind(file);
    seed.bytes = malloc(seed.size);
    seed.blocks = malloc(seed.size / IMAGE_BLOCK * sizeof(uint32_t));
    if (fread(seed.bytes, 1, seed.size, file) != seed.size)
        wrong("%s: cannot be read", path);
    fclose(file);
    for (size_t n = 0; n < seed.size / IMAGE_BLOCK; n++) {
        const uint8_t *block = seed.bytes + n * IMAGE_BLOCK;
        if (block[0] || memcmp(block, block + 1, IMAGE_BLOCK - 1) != 0)
            seed.blocks[seed.count++] = (uint32_t)n;
    }
    seed.metadata = seed.count < METADATA ? seed.count : METADATA;
    struct ext4_super_block *super = (void *)(seed.bytes + EXT4_SUPER_OFFSET);
    seed.start = super->s_magic == EXT4_SUPER_MAGIC ? 0 : 64 << 10; /* of the partition */
    return seed;
}

/* Sound images are read and found sound, or nothing that follows says anything. */
static void expect_sound(const struct seed *seed)
{
    struct image image = {malloc(seed->size), seed->size};

    current_seed = seed->name;
    memcpy(image.bytes, seed->bytes, seed->size);
    if (read_everything(seed, &image) != 0)
        wrong("a sound image cannot be read");
    free(image.bytes);
}

static void try_image(const struct seed *seed, struct image *image, unsigned long counts[4])
{
    struct itimerval limit = {{0, 0}, {SECONDS_LIMIT, 0}};
    uint64_t random = current;

    current_seed = seed->name;
    setitimer(ITIMER_VIRTUAL, &limit, NULL);
    memcpy(image->bytes, seed->bytes, seed->size);
    image->size = seed->size;
    random_next(&random);
    mutate(seed, image, &random);
    if (getenv("IMAGES_WRITE")) {
        FILE *file = fopen(getenv("IMAGES_WRITE"), "wb");
        if (!file || fwrite(image->bytes, 1, image->size, file) != image->size || fclose(file) != 0)
            wrong("cannot be written");
    }
    bool unread = read_everything(seed, image) > 0,
         unsound = check_bytes("image", image->bytes, image->size) > 0;
    counts[unread * 2 + unsound]++;
}

int main(int count, char **arguments)
{
    unsigned long counts[4] = {0};
    static struct seed seeds[32];
    unsigned seed_count = 0;
    size_t largest = 0;

    if (count < 4 || count > 32)
        return 2;
    FILE *nowhere = fopen("/dev/null", "w");
    stderr = nowhere ? nowhere : stderr; /* what the check says of each image */
    signal(SIGVTALRM, too_long);
    for (int i = 3; i < count; i++) {
        seeds[seed_count] = load(arguments[i]);
        expect_sound(&seeds[seed_count]);
        largest = seeds[seed_count].size > largest ? seeds[seed_count].size : largest;
        seed_count++;
    }
    static struct image image;
    image.bytes = malloc(largest);
    uint64_t first = strtoull(arguments[1], NULL, 0), end = first + strtoull(arguments[2], NULL, 0);
    for (current = first; current < end; current++)
        try_image(&seeds[current % seed_count], &image, counts);
    printf("%9lu read and found sound\n%9lu read, but not found sound\n", counts[0], counts[1]);
    printf("%9lu not all read, but found sound\n%9lu neither\n", counts[2], counts[3]);
    return 0;
}
