/* SPDX-License-Identifier: MIT */
/*
 * What the files of mm share. Everything but main.c runs on the host as well, against a model of the kernel
 * (tests/host/mm_test.c).
 */
#pragma once

#include <abi/fault.h>
#include <proto/mm.h>
#include <rt/rt.h>

#define USER_LOW    0x10000ull      /* the first 64 KiB stay unmapped, so that null pointers fault */
#define USER_END    0x4000000000ull /* the upper half of Sv39 is the kernel's */
#define CHOOSE_END  0x3e00000000ull /* addresses that mm chooses lie below */
#define CHUNK_BITS  16
#define MAX_SPACES  256
#define MAX_REGIONS 512 /* per space */
#define BATCH       4   /* frames that are made at once */
#define MAX_RECEIVERS 8 /* threads that serve, one a hart */

/* What a badge of mm's endpoint stands for, in its two top bits. The number is where a client number is:
 * above the 16 bits of rights, which are 0 unless it is a session. */
enum badge_kind { BADGE_SESSION, BADGE_FAULT, BADGE_SEGMENT };
#define BADGE_KIND_SHIFT 62
static inline uint64_t badge_make(enum badge_kind kind, uint64_t number)
{
    return (uint64_t)kind << BADGE_KIND_SHIFT | number << 16;
}
static inline enum badge_kind badge_kind(uint64_t badge)
{
    return badge >> BADGE_KIND_SHIFT;
}
static inline uint64_t badge_number(uint64_t badge)
{
    return badge << 2 >> 18;
}

/* --- lock.c: several receivers --- */

/* Makes the locks for `count` receivers; false when there is no memory. */
bool locks_init(unsigned count);
/* How many there are. */
unsigned locks_receivers(void);
/* Says, and tells, which receiver the calling thread is. */
void lock_be(unsigned receiver);
unsigned lock_self(void);
/* Around each request: takes the own lock, which guards the spaces that are at home here. */
void lock_enter(void);
void lock_leave(void);
/* Takes the locks of all receivers, if they are not held yet. The own one is let go for a moment: what was
 * found out before must be found out again. */
void lock_all(void);
/* Whether they are held. */
bool lock_is_all(void);
/* Around what changes blocks, pools or shelves. May be nested. */
void store_enter(void);
void store_leave(void);

/* --- own.c: mm's own memory --- */

/* Parts of mm's own address range, each of 1 << OWN_PART_BITS bytes. */
enum own_part {
    OWN_BLOCKS,
    OWN_NODES,
    OWN_SEGMENTS,
    OWN_SPACES,
    OWN_REGIONS,
    OWN_NOTES,
    OWN_STACKS,
    OWN_SHELVES,
    OWN_PARTS
};
#define OWN_PART_BITS 30
#define OWN_BASE      0x2000000000ull

/* Sets up the range at `base`, mapped through the address space `space`; the memory comes from `chunk`, an
 * untyped of CHUNK_BITS. */
void own_init(char *base, cap_t space, cap_t chunk);
/* Start of a part. */
void *own_start(enum own_part part);
/* Maps a zeroed page at the page-aligned address, for good. False when there is no memory. */
bool own_page(void *address);
/* A CNode of 2^bits bytes, a notification; 0 when there is no memory. */
cap_t own_cnode(unsigned bits);
cap_t own_notification(void);
/* Takes a new chunk when the current one is nearly used up, so that own_page works in the middle of things.
 */
void own_prepare(void);
/* Bytes that mm uses itself. */
uint64_t own_bytes(void);

/* --- pool.c: tables that grow --- */

/* Elements of one size, known by index from 1 on. Grows by pages of mm's own memory, and never shrinks. */
struct pool {
    char *base;
    uint32_t size;   /* of an element, at least 4 */
    uint32_t limit;  /* number of elements that the range has room for */
    uint32_t count;  /* elements made so far: indexes up to this one exist */
    uint32_t free;   /* first of the list of free ones, linked by their first four bytes */
    uint32_t spare;  /* how many are in that list */
    uint64_t mapped; /* bytes */
};
void pool_init(struct pool *pool, enum own_part part, uint32_t size);
/* Makes sure that the next `count` calls of pool_take succeed. */
bool pool_ready(struct pool *pool, uint32_t count);
/* An element; 0 when there is no memory. Its first four bytes are anything, the rest is as the last user left
 * it, or zero. */
uint32_t pool_take(struct pool *pool);
void pool_put(struct pool *pool, uint32_t index);
static inline void *pool_at(const struct pool *pool, uint32_t index)
{
    return pool->base + (uint64_t)pool->size * index;
}

/* --- place.c: where capabilities lie --- */

/* A place is a slot of the own CNode, or from PLACE_SHELF on one on a shelf. 0 is none. */
#define PLACE_SHELF   (1u << (CNODE_MAX_BITS - SLOT_BITS))
/* Whose page a capability is behind: the index of a space, or OWNER_SEGMENT + that of a segment. */
#define OWNER_SEGMENT MAX_SPACES

bool places_init(void);
/* Makes the notes on all own slots, once there is memory; false when it is too little. */
bool places_ready(void);
/* `count` neighbouring own slots (a power of two); 0 when there are none. */
cap_t slots_take(unsigned count);
/* Whether few own slots are left. */
bool slots_scarce(void);
/* Puts capabilities that are behind pages on shelves if so. To be called under all locks, while nobody
 * keeps the place of a page's capability. */
void slots_prepare(void);
/* Notes that the capability in an own slot is behind a page, so that it may be put aside. */
void slot_note(cap_t slot, uint32_t owner, uint64_t page);
/* Moves a capability to a shelf; 0 when there is no memory. place_settle does it if own slots are scarce, and
 * returns where the capability is then. */
uint32_t place_shelve(cap_t slot);
uint32_t place_settle(cap_t slot);
/* Moves a capability to an own slot, if it is in none; 0 when there is none. */
cap_t place_fetch(uint32_t place);
/* Gives back a place whose capability the kernel has destroyed; or deletes it first. */
void place_release(uint32_t place);
void place_free(uint32_t place);
enum error place_copy(cap_t to, uint32_t from, uint64_t rights);
/* Unmaps a frame. */
void place_unmap(uint32_t place);
/* Lists of places, linked outside of the CNodes; 0 is the empty list. */
void place_push(uint32_t *list, uint32_t place);
uint32_t place_pop(uint32_t *list);
uint32_t place_next(uint32_t place);
/* Takes the place after `before` out of its list. */
void place_cut_after(uint32_t before);

/* --- block.c: physical memory --- */

enum block_state { BLOCK_NONE, BLOCK_FREE, BLOCK_SPLIT, BLOCK_USED };
/* A power of two of memory with its untyped capability. Blocks are split in halves and joined again (a buddy
 * system); the two halves are neighbours: number ^ 1. */
struct block {
    uint32_t next, prev; /* in the list of free ones of its size, or of its space; 0 ends it */
    uint32_t parent;     /* 0: was given to mm at the start */
    cap_t slot;
    uint8_t bits; /* log2 of the size */
    uint8_t state;
    uint64_t carved; /* bytes made into objects, from the start */
};

void blocks_init(void);
/* Memory that mm is started with: an untyped of 2^bits bytes. Returns its number; 0: no memory to note it. */
uint32_t block_add(cap_t slot, unsigned bits);
/* Notes what was done before this table existed: that the free block `parent` was split into two halves
 * (returns the number of the first; 0: no memory), and that a free block is in use. */
uint32_t block_note_split(uint32_t parent, const cap_t child[2]);
void block_note_used(uint32_t number);
/* A block of 2^bits bytes that nobody uses; 0 and *error when there is none. */
uint32_t block_take(unsigned bits, enum error *error);
/* Splits a block in use of which nothing was made. Returns the first of two blocks in use, 0 when there are
 * no slots. */
uint32_t block_halve(uint32_t number);
/* Makes `count` objects of 2^bits bytes out of what is left of the block, into slots from `first` on. */
enum error block_carve(uint32_t number, enum object_type type, unsigned bits, cap_t first, unsigned count);
/* Destroys everything that was made of it and takes it back. */
void block_give(uint32_t number);
struct block *block_at(uint32_t number);
uint64_t blocks_total(void); /* bytes */
uint64_t blocks_free(void);

/* Doubly linked lists of blocks. */
void block_link(uint32_t *list, uint32_t number);
void block_unlink(uint32_t *list, uint32_t number);

/* --- pagemap.c: which capability is behind a page --- */

/* A tree of tables of 512 entries: page number -> place. */
struct pagemap {
    uint32_t root;     /* 0: empty */
    uint32_t height;   /* levels: 1 to 3 */
    uint32_t leaf;     /* table that was used last, so that neighbours need no walk; 0: none */
    uint64_t leaf_key; /* its pages, divided by 512 */
};
void pagemap_init(void);
/* Height that page numbers below `pages` need. */
unsigned pagemap_height(uint64_t pages);
/* Place of the capability behind the page; 0: none. */
uint32_t pagemap_get(const struct pagemap *map, uint64_t page);
/* Makes the tables for pagemap_set of a page that is not in there. False: no memory. */
bool pagemap_ready(struct pagemap *map, uint64_t page);
/* Gives back what pagemap_ready took, when the page was not set after all. */
void pagemap_unready(struct pagemap *map, uint64_t page);
/* Enters a place, after pagemap_ready if the page is not in there. */
void pagemap_set(struct pagemap *map, uint64_t page, uint32_t place);
/* Takes the entry out and returns it; 0: there was none. */
uint32_t pagemap_clear(struct pagemap *map, uint64_t page);
/* First page that is present in [from, end); `end` when there is none. */
uint64_t pagemap_next(const struct pagemap *map, uint64_t from, uint64_t end);

/* --- space.c --- */

struct region {
    uint64_t start, end; /* whole pages */
    uint32_t prot;
    uint32_t segment; /* index; 0: anonymous memory */
    uint64_t offset;  /* of start in the segment */
};

struct crash {
    uint64_t order; /* 0: none that is not told yet */
    uint64_t fault, error;
    uint64_t word[6];
};

struct space {
    uint64_t number; /* 0: not in use, or mm itself */
    bool used;
    uint8_t home; /* receiver whose lock guards it; its threads send their faults there */
    bool eager; /* maps at once, because nobody handles its page faults */
    char name[16];
    cap_t address_space;                /* 0: has none */
    uint64_t quota, held, peak, faults; /* held: bytes of its chunks */
    uint64_t kernel;                    /* bytes of those that are kernel objects and page tables */
    uint32_t open, full;                /* lists of its chunks: with room, and without */
    cap_t fresh[BATCH];                 /* cleared frames that were never used */
    uint32_t fresh_count;
    uint32_t dirty;      /* list of frames to clear before they are used again */
    uint32_t tables;     /* list of page tables */
    uint32_t small;      /* list of pages of untyped memory for small objects; the first is the current one */
    uint32_t small_used; /* bytes of that */
    uint32_t segments;   /* list of its segments */
    struct pagemap pages;
    struct region *region; /* sorted */
    unsigned region_count;
    unsigned region_hot;   /* index that was found last */
    uint32_t region_pages; /* of memory for `region`; outlives the space */
    uint32_t generation;
    struct crash crash;
};

enum { SPACE_OWN, SPACE_INIT, SPACE_FIRST };

void spaces_init(void);
/* The space that index stands for, in use or not; NULL: was never used. */
struct space *space_at(unsigned index);
/* The space of that number; NULL: there is none (any more). */
struct space *space_find(uint64_t number);
/* Number of spaces that are in use. */
unsigned spaces_count(void);
/* Bytes of all spaces that are kernel objects and page tables. */
uint64_t spaces_kernel_bytes(void);
/* A new space without an address space, at home at that receiver; NULL when there is no memory. */
struct space *space_new(const char *name, uint64_t quota, unsigned home);
/* Adopts init: its space is index SPACE_INIT. `address_space` may be 0. */
bool space_adopt(const char *name, cap_t address_space);
/* Makes the kernel object of a new space. */
enum error space_make_address_space(struct space *space);
/* Destroys everything that it has; its number never comes back. */
void space_destroy(struct space *space);

/* A chunk of the space with room for `bytes`, made when there is none; 0 and *error (ERR_QUOTA,
 * ERR_NO_MEMORY). */
uint32_t chunk_with_room(struct space *space, uint64_t bytes, enum error *error);
/* Takes chunks for `bytes` of neighbouring memory that are none of the space's others, and puts them into the
 * list in order of their addresses. */
enum error chunks_contiguous(struct space *space, uint64_t bytes, uint32_t *list);
/* Destroys what was made of the chunks in the list and takes them from the space. */
void chunks_give(struct space *space, uint32_t *list);
/* Gives a chunk back of which nothing was made after all. */
void chunk_unused(struct space *space, uint32_t chunk);
/* Makes `count` objects of 2^bits bytes, at least a page each, out of that chunk, into slots from `first` on.
 */
enum error carve(struct space *space, uint32_t chunk, enum object_type type, unsigned bits, cap_t first,
                 unsigned count);
/* An object of any size into a new slot. */
enum error carve_object(struct space *space, enum object_type type, unsigned bits, cap_t *cap);
/* A cleared frame that is not mapped; 0 and *error when there is none. */
cap_t frame_get(struct space *space, enum error *error);
/* Takes back a frame; it is not mapped any more. */
void frame_put(struct space *space, uint32_t frame);
/* Maps a frame, with the page tables that are missing. */
enum error space_map_frame(struct space *space, cap_t frame, uint64_t address, uint64_t prot);

/* --- region.c (portable) --- */

/* Index of the first region that ends after `address`; region_count when there is none. */
unsigned region_after(const struct space *space, uint64_t address);
/* The region that holds the address; NULL: none. */
struct region *region_find(struct space *space, uint64_t address);
/* Whether no region has a page in [start, end). */
bool region_is_clear(const struct space *space, uint64_t start, uint64_t end);
/* A free range of `length` bytes as high as possible, aligned to `alignment`, with an unmapped page on both
 * sides; 0: none. */
uint64_t region_choose(const struct space *space, uint64_t length, uint64_t alignment);
/* Enters a region into a range that is clear. ERR_TOO_MANY, ERR_NO_MEMORY. */
enum error region_insert(struct space *space, const struct region *region);
/* Whether cutting [start, end) out works: it may need room for one more region. */
enum error region_can_cut(struct space *space, uint64_t start, uint64_t end);
/* Takes the range out, after region_can_cut. */
void region_cut(struct space *space, uint64_t start, uint64_t end);

/* --- map.c: memory in a space --- */

/* Maps anonymous memory; *address 0: anywhere. */
enum error map_anonymous(struct space *space, uint64_t *address, uint64_t length, uint64_t prot);
/* Maps a part of a segment. */
enum error map_segment(struct space *space, uint32_t segment, uint64_t *address, uint64_t offset,
                       uint64_t length, uint64_t prot);
/* Errors as in the protocol; ERR_WOULD_BLOCK: all locks are needed. */
enum error unmap(struct space *space, uint64_t address, uint64_t length);
/* Takes all pages of [start, end) out of the space and gives them back. */
void drop_pages(struct space *space, uint64_t start, uint64_t end);
/* Makes the page present that an access to `address` needs. Errors: ERR_BAD_ADDRESS, ERR_NO_RIGHT, ERR_QUOTA,
 * ERR_NO_MEMORY; ERR_WOULD_BLOCK: all locks are needed. */
enum error touch(struct space *space, uint64_t address, uint64_t access);

/* --- segment.c --- */

#define SEGMENT_MAX_BYTES (1ull << 37)

struct segment_entry {
    uint32_t next; /* in the list of its space */
    uint32_t generation;
    uint32_t index;
    struct space *owner; /* NULL: not in use */
    uint64_t length;
    uint32_t mappings; /* regions that show it */
    bool device, dropped;
    uint32_t chunks; /* contiguous: list of its own */
    struct pagemap pages;
    cap_t frame[MSG_MAX_CAPS]; /* device: its frames, their sizes, and how many there are */
    uint8_t frame_bits[MSG_MAX_CAPS];
    uint32_t frame_count;
};

void segments_init(void);
struct segment_entry *segment_at(uint32_t index);
/* A new segment that `owner` pays for; 0 and *error. *physical is its address if it is to be contiguous. */
uint32_t segment_new(struct space *owner, uint64_t length, bool contiguous, uint64_t *physical,
                     enum error *error);
/* A segment of device registers; keeps the frames when it succeeds. */
uint32_t segment_new_device(struct space *owner, uint64_t length, const cap_t *frame, unsigned count,
                            enum error *error);
/* Number for the badge of a segment, and back; 0: there is no such segment any more. */
uint64_t segment_number(uint32_t index);
uint32_t segment_find(uint64_t number);
/* Whether the index is that of a segment. */
bool segment_exists(uint32_t index);
/* Place of the segment's own capability to the frame of a page, made if it is missing; 0 and *error. */
uint32_t segment_page(struct segment_entry *segment, uint64_t page, enum error *error);
/* A region that shows it is gone; the last one takes a segment along that its owner dropped. */
void segment_unmapped(uint32_t index);
/* Its owner wants it no longer. */
void segment_drop_owner(uint32_t index);
/* The kernel has destroyed the frames of all segments of `space`: forgets them. What others have mapped of
 * them becomes anonymous memory of theirs. */
void segments_lost(struct space *space);

/* --- fault.c --- */

/* Handles a fault message and makes the answer in `m`. */
bool fault_message(struct msg *m);
/* Page faults that were handled. */
uint64_t faults_handled(void);
/* The oldest crash that was not told; NULL: none. */
struct space *crash_next(void);
/* Notification that is signalled for a crash. */
void fault_init(cap_t notification);

/* --- serve.c --- */

/* Prepares for requests that come through these endpoints, one for each receiver. */
void mm_serve_init(const cap_t endpoint[]);
/* The operations, for the server loop. */
const struct proto_handler *mm_handlers(void);

/* --- receiver.c: a thread on each hart (not in host tests) --- */

/* How many threads init has prepared, this one included. */
unsigned receivers_count(void);
/* Starts the others, and serves for ever as the first. */
void receivers_serve(void) __attribute__((noreturn));
