/* SPDX-License-Identifier: MIT */
/* The command line of mkfs, and the care that an image appears whole or not at all. */
#include "mkfs.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: mkfs -o IMAGE [-s SIZE] [-b BLOCK] [-L LABEL] [-U UUID] [-g] DIRECTORY\n"
    "       mkfs -c IMAGE\n"
    "Makes an ext4 image of a directory, or checks an image.\n"
    "  -o IMAGE  file to make; appears only when it is complete\n"
    "  -s SIZE   of the file system, in bytes or with K, M, G (default: what the tree needs, at least 16M)\n"
    "  -b BLOCK  block size: 1024, 2048 or 4096 (default)\n"
    "  -L LABEL  up to 16 bytes\n"
    "  -U UUID   (default: random; with SOURCE_DATE_EPOCH made from the tree)\n"
    "  -g        put the file system into a GPT partition\n"
    "  -c IMAGE  check superblock, checksums, every inode and directory, and the bitmaps\n"
    "Everything in the image belongs to root. With SOURCE_DATE_EPOCH in the environment no time in the\n"
    "image is later than that, and the same tree gives the same bytes.\n";

/* The image while it has another name. */
static char unfinished[4096];

static void remove_unfinished(void)
{
    if (unfinished[0])
        unlink(unfinished);
}

static void on_signal(int number)
{
    remove_unfinished();
    signal(number, SIG_DFL);
    raise(number);
}

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "mkfs: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    remove_unfinished();
    exit(1);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory)
        die("out of memory");
    return memory;
}

static uint64_t parse_size(const char *text)
{
    char *end;
    errno = 0;
    uint64_t size = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

    end += shift ? 1 : 0;
    if (errno || end == text || *end || text[0] == '-' || size > (uint64_t)1 << 44 >> shift || size == 0)
        die("-s %s: not a size", text);
    return size << shift;
}

static void parse_uuid(const char *text, uint8_t uuid[16])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    unsigned digits = 0;

    memset(uuid, 0, 16);
    for (size_t i = 0; i < sizeof(form); i++) {
        const char *digit = strchr("0123456789abcdef", text[i] | (text[i] > '9' ? 0x20 : 0));
        if (form[i] == 'x' ? !text[i] || !digit : text[i] != form[i])
            die("-U %s: not a UUID", text);
        if (form[i] == 'x') {
            static const char all[] = "0123456789abcdef";
            uuid[digits / 2] |= (uint8_t)((strchr(all, *digit) - all) << (digits % 2 ? 0 : 4));
            digits++;
        }
    }
}

static uint32_t parse_block_size(const char *text)
{
    if (strcmp(text, "1024") != 0 && strcmp(text, "2048") != 0 && strcmp(text, "4096") != 0)
        die("-b %s: the block size is 1024, 2048 or 4096", text);
    return (uint32_t)atoi(text);
}

static void read_environment(struct request *request)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");

    request->now = time(NULL);
    if (!text)
        return;
    char *end;
    errno = 0;
    long long now = strtoll(text, &end, 10);
    if (errno || end == text || *end || now <= 0 || now >> 33)
        die("SOURCE_DATE_EPOCH=%s: not a time", text);
    request->now = now;
    request->reproducible = true;
}

static void choose_uuid(struct request *request, const struct entry *root)
{
    if (request->has_uuid)
        return;
    if (request->reproducible) {
        for (uint64_t half = 0; half < 2; half++) {
            uint64_t digest = tree_digest(root, half ^ request->size ^ (uint64_t)request->now << 8);
            memcpy(request->uuid + 8 * half, &digest, 8);
        }
    } else if (getrandom(request->uuid, 16, 0) != 16) {
        die("no random numbers: %s", strerror(errno));
    }
    /* RFC 9562: version 8 is custom, 4 random. */
    request->uuid[6] = (uint8_t)((request->uuid[6] & 0x0f) | (request->reproducible ? 0x80 : 0x40));
    request->uuid[8] = (uint8_t)((request->uuid[8] & 0x3f) | 0x80);
}

/* Room for the tree with a quarter to spare, a journal, and bookkeeping. */
static uint64_t choose_size(const struct request *request, const struct entry *root)
{
    struct tree_size size = {0};

    tree_measure(root, request->block_size, &size);
    uint64_t bytes = (size.blocks * request->block_size + size.inodes * 256) * 5 / 4 + (8u << 20);
    bytes += bytes > 100u << 20 ? 40u << 20 : 0; /* a larger journal comes with a larger file system */
    bytes += bytes / 64;
    uint64_t least = 16u << 20;
    return bytes < least ? least : (bytes + (1u << 20) - 1) >> 20 << 20;
}

static int make_unfinished(const char *image)
{
    const char *slash = strrchr(image, '/');
    int directory = slash ? (int)(slash - image) + 1 : 0;
    int length =
        snprintf(unfinished, sizeof(unfinished), "%.*s.%s.XXXXXX", directory, image, image + directory);

    if (length < 0 || length >= (int)sizeof(unfinished)) {
        unfinished[0] = 0;
        die("%s: name too long", image);
    }
    int descriptor = mkstemp(unfinished);
    if (descriptor < 0) {
        unfinished[0] = 0;
        die("%s: %s", image, strerror(errno));
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    return descriptor;
}

static void make(struct request *request)
{
    struct entry root;

    tree_read(&root, request->directory);
    if (request->size == 0)
        request->size = choose_size(request, &root);
    choose_uuid(request, &root);
    for (int i = 0; i < 3; i++)
        signal((const int[]){SIGINT, SIGTERM, SIGHUP}[i], on_signal);
    int descriptor = make_unfinished(request->image);
    uint64_t offset = request->partitioned ? PARTITION_OFFSET : 0;
    uint64_t after = request->partitioned ? PARTITION_AFTER : 0;
    if (ftruncate(descriptor, (off_t)(offset + request->size + after)) != 0)
        die("%s: %s", request->image, strerror(errno));
    make_file_system(request, &root, unfinished, offset);
    if (request->partitioned)
        make_partition_table(request, descriptor, request->size);
    if (close(descriptor) != 0 || rename(unfinished, request->image) != 0)
        die("%s: %s", request->image, strerror(errno));
    unfinished[0] = 0;
    tree_free(&root);
}

static void parse(int count, char **arguments, struct request *request, const char **check)
{
    for (int option; (option = getopt(count, arguments, "o:s:b:L:U:gc:h")) != -1;) {
        switch (option) {
        case 'o': request->image = optarg; break;
        case 's': request->size = parse_size(optarg); break;
        case 'b': request->block_size = parse_block_size(optarg); break;
        case 'L':
            if (strlen(optarg) > 16)
                die("-L %s: a label has at most 16 bytes", optarg);
            memcpy(request->label, optarg, strlen(optarg));
            break;
        case 'U':
            parse_uuid(optarg, request->uuid);
            request->has_uuid = true;
            break;
        case 'g': request->partitioned = true; break;
        case 'c': *check = optarg; break;
        case 'h': fputs(help, stdout); exit(0);
        default: exit(2); /* getopt has said why */
        }
    }
    if (optind < count)
        request->directory = arguments[optind++];
}

int main(int count, char **arguments)
{
    struct request request = {.block_size = 4096};
    const char *check = NULL;

    parse(count, arguments, &request, &check);
    if (optind < count ||
        (check ? request.image || request.directory : !request.image || !request.directory)) {
        fputs(help, stderr);
        return 2;
    }
    if (check)
        return check_image(check) ? 0 : 1;
    read_environment(&request);
    request.size -= request.size % request.block_size;
    make(&request);
    return 0;
}
