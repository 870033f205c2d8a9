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
#define MAX_SPACES  1024
#define BATCH       8   /* frames that are made at once */
#define STEP_PAGES  16  /* that a request handles before others get their turn */
#define AHEAD_MAX   6   /* pages made present at once where memory is touched in order */
#define SMALL_PAGES 8   /* pages of small objects that are known */
#define MAX_RECEIVERS 8 /* threads that serve, one a hart */

struct space;

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
extern _Thread_local unsigned lock_receiver;
void lock_be(unsigned receiver);
static inline unsigned lock_self(void)
{
    return lock_receiver;
}
/* Around each request: takes the own lock, which guards the spaces that are at home here. */
void lock_enter(void);
void lock_leave(void);
/* Takes the locks of all receivers, if they are not held yet. The own one is let go for a moment: what was
 * found out before must be found out again. */
void lock_all(void);
/* Whether they are held. */
bool lock_is_all(void);
/* Lets others have their turn, in the middle of something long under all locks. */
void lock_pause(void);
/* Around what changes blocks, pools or shelves. May be nested. */
void store_enter(void);
void store_leave(void);

/* --- own.c: mm's own memory --- */

/* Parts of mm's own address range, each of 1 << OWN_PART_BITS bytes. */
enum own_part {
    OWN_BLOCKS,
    OWN_SPACES,
    OWN_SHEETS,
    OWN_LEDGERS,
    OWN_NOTES,
    OWN_STACKS,
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
/* Maps a frame of somebody else's there, for as long as it exists. False when there is no memory. */
bool own_map(cap_t frame, void *address);
/* A notification; 0 when there is no memory. */
cap_t own_notification(void);
/* Takes a new chunk when the current one is nearly used up. */
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
/* An element, with anything in it; 0 when there is no memory. */
uint32_t pool_take(struct pool *pool);
void pool_put(struct pool *pool, uint32_t index);
static inline void *pool_at(const struct pool *pool, uint32_t index)
{
    return pool->base + (uint64_t)pool->size * index;
}

/* --- ledger.c: what mm writes down about a space, in memory of that space --- */

#define CELL_BYTES 64

/* Cells are known by number; 0 is none. */
struct ledger {
    uint32_t sheets;      /* list of its pages */
    uint32_t free, spare; /* list of free cells, linked by their first four bytes, and how many */
};
void ledgers_init(void);
/* Makes sure that the next `count` calls of ledger_take succeed. False and *error: ERR_QUOTA,
 * ERR_NO_MEMORY. */
bool ledger_ready(struct space *space, unsigned count, enum error *error);
/* A cell, with anything in it. */
uint32_t ledger_take(struct space *space);
void ledger_put(struct space *space, uint32_t cell);
extern char *ledger_base; /* where cell 0 would be */
static inline void *ledger_at(uint32_t cell)
{
    return ledger_base + (uint64_t)cell * CELL_BYTES;
}
/* The kernel has destroyed the memory of the space: forgets all cells. */
void ledger_end(struct space *space);

/* --- place.c: where capabilities lie --- */

/* A place is a slot of the own CNode, or from PLACE_SHELF on one on a shelf. 0 is none. */
#define PLACE_SHELF (1u << (CNODE_MAX_BITS - SLOT_BITS))

void places_init(void);
/* Makes the notes on all own slots, once there is memory; false when it is too little. */
bool places_ready(void);
/* `count` neighbouring own slots (a power of two); 0: none are left. Sets slots_low when few are. */
cap_t slots_take(unsigned count);
/* Makes sure that the space has shelves for what it has in own slots and `count` more. */
enum error shelves_ready(struct space *space, unsigned count);
/* slots_take for capabilities of the space, which then has shelves for them; 0 and *error. */
cap_t slots_for(struct space *space, unsigned count, enum error *error);
/* Notes that the capability in an own slot is the space's; gives all of those back that the kernel
 * emptied. */
void slot_own(struct space *space, cap_t slot);
bool slots_end(struct space *space); /* a few of them; true when none are left */
/* Notes that it is behind a page, of a segment or of the space (0); that nobody needs it any more. */
void slot_note(cap_t slot, uint32_t segment, uint64_t page);
void slot_park(cap_t slot);
/* Whether few own slots are left. */
extern bool slots_low;
static inline bool slots_scarce(void)
{
    return __atomic_load_n(&slots_low, __ATOMIC_RELAXED);
}
/* Puts capabilities on shelves if so. To be called under all locks, while nobody keeps the place of a
 * page's capability. */
void slots_prepare(void);
/* Moves a capability to an own slot, if it is in none; 0 when there is none. */
cap_t place_fetch(uint32_t place);
/* Gives back a place whose capability the kernel has destroyed; or deletes it first. */
void place_release(uint32_t place);
void place_free(uint32_t place);
enum error place_copy(cap_t to, uint32_t from, uint64_t rights);
/* The frames of a space that are to be cleared before they are used again. dirty_take: one in an own
 * slot; 0: none. */
void dirty_put(struct space *space, uint32_t place);
cap_t dirty_take(struct space *space);

/* --- block.c: physical memory --- */

enum block_state { BLOCK_NONE, BLOCK_FREE, BLOCK_SPLIT, BLOCK_USED };
/* A power of two of memory with its untyped capability. Blocks are split in halves and joined again (a
 * buddy system); the two halves are neighbours: number ^ 1. */
struct block {
    uint32_t next, prev; /* in the list of free ones of its size, or of its space; 0 ends it */
    uint32_t parent;     /* 0: was given to mm at the start */
    cap_t slot;
    uint8_t bits; /* log2 of the size */
    uint8_t state;
    uint64_t carved; /* bytes made into objects, from the start */
};

void blocks_init(void);
/* Memory that mm is started with: an untyped of 2^bits bytes. Returns its number; 0: no memory to note
 * it. */
uint32_t block_add(cap_t slot, unsigned bits);
/* Notes what was done before this table existed: that the free block `parent` was split into two halves
 * (returns the number of the first; 0: no memory), and that a free block is in use. */
uint32_t block_note_split(uint32_t parent, const cap_t child[2]);
void block_note_used(uint32_t number);
/* A block of 2^bits bytes that nobody uses; 0 and *error when there is none. */
uint32_t block_take(unsigned bits, enum error *error);
/* Splits a block in use of which nothing was made. Returns the first of two in use; 0: there are no slots. */
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

#define PAGEMAP_BITS 4 /* log2 of the entries of a table */

/* A tree of tables: page number -> place. The tables are in the ledger of the space that pays. */
struct pagemap {
    uint32_t root;     /* 0: empty */
    uint32_t height;   /* levels */
    uint32_t leaf;     /* table that was used last, so that neighbours need no walk; 0: none */
    uint64_t leaf_key; /* its pages, divided by the entries of a table */
};
/* Height that page numbers below `pages` need. */
unsigned pagemap_height(uint64_t pages);
/* Place of the capability behind the page; 0: none. */
uint32_t pagemap_get(const struct pagemap *map, uint64_t page);
/* The entry of a page, to be read and set; its tables are made. It is good until another page's is
 * asked for. NULL and *error: no memory. */
uint32_t *pagemap_walk(struct space *payer, struct pagemap *map, uint64_t page, enum error *error);
static inline uint32_t *pagemap_entry(struct space *payer, struct pagemap *map, uint64_t page,
                                      enum error *error)
{
    if (map->leaf == 0 || page >> PAGEMAP_BITS != map->leaf_key)
        return pagemap_walk(payer, map, page, error);
    *error = ERR_OK;
    return (uint32_t *)ledger_at(map->leaf) + (page & ((1u << PAGEMAP_BITS) - 1));
}
/* Changes the entry of a page that is there. */
void pagemap_replace(struct pagemap *map, uint64_t page, uint32_t place);
/* Gives the tables of an empty map back. */
void pagemap_end(struct space *payer, struct pagemap *map);
/* First page that is present in [from, end); `end` when there is none. */
uint64_t pagemap_next(const struct pagemap *map, uint64_t from, uint64_t end);
/* The entry of the first page that is present in [*page, end), and its number in *page; NULL when there is
 * none. The caller sets it to 0 when the page is gone. */
uint32_t *pagemap_first(struct space *payer, struct pagemap *map, uint64_t *page, uint64_t end);

/* --- space.c --- */

/* A node of a tree by address, in one cell. */
struct region {
    uint64_t start, end;     /* whole pages */
    uint64_t offset;         /* of start in the segment */
    uint64_t low, high, gap; /* of all below it: the first start, the last end, the largest gap between two */
    uint32_t left, right;
    uint32_t view; /* what it shows of a segment; 0: anonymous memory */
    uint8_t prot;
    uint8_t height;
};
_Static_assert(sizeof(struct region) == CELL_BYTES, "one cell");

struct crash {
    uint64_t order; /* 0: none that is not told yet */
    uint64_t fault, error;
    uint64_t word[6];
};

struct space {
    uint64_t number; /* 0: not in use, or mm itself */
    unsigned index;
    bool used, ending;
    uint8_t home; /* receiver whose lock guards it; its threads send their faults there */
    bool eager; /* maps at once, because nobody handles its page faults */
    char name[16];
    cap_t address_space;                /* 0: has none */
    uint64_t quota, held, peak, faults; /* held: bytes of its chunks */
    uint64_t kernel;                    /* bytes of those that are kernel objects and page tables */
    uint32_t open, full;                /* lists of its chunks: with room, and without */
    struct ledger ledger;
    uint32_t slots, slot_count;   /* list of its own slots */
    uint32_t shelf, shelf_room;   /* list of shelves with room, free slots of all */
    cap_t fresh[BATCH];           /* cleared frames that were never used */
    uint32_t fresh_count;
    uint32_t dirty, dirty_shelved; /* lists of frames to clear before they are used again */
    cap_t small[SMALL_PAGES];     /* pages of untyped memory for small objects */
    uint32_t small_current;       /* the one that is being used */
    uint32_t small_used;          /* bytes of that */
    struct pagemap pages;
    uint32_t regions; /* tree */
    uint32_t region_hot, ghost; /* that was found last; that was laid aside */
    uint32_t segments;            /* tree of its segments by number */
    uint64_t expected;            /* page that is touched next when memory is touched in order */
    unsigned ahead;               /* pages made present at once, for that */
    uint64_t ended;               /* regions below have been taken away, when it is ending */
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
/* Destroys what it has, a few steps of it; true when nothing is left. From the first call on nobody
 * finds it any more, and its number never comes back. */
bool space_destroy(struct space *space);
/* A space that can be ended, or is ending: not init's. */
struct space *space_to_end(uint64_t number);

/* A chunk of the space with room for `bytes`, made when there is none; 0 and *error (ERR_QUOTA,
 * ERR_NO_MEMORY). */
uint32_t chunk_with_room(struct space *space, uint64_t bytes, enum error *error);
/* Takes chunks for `bytes` of neighbouring memory that are none of the space's others, and puts them
 * into the list in order of their addresses. */
enum error chunks_contiguous(struct space *space, uint64_t bytes, uint32_t *list);
/* Destroys what was made of the chunks in the list and takes them from the space. */
void chunks_give(struct space *space, uint32_t *list);
/* Gives a chunk back of which nothing was made after all. */
void chunk_unused(struct space *space, uint32_t chunk);
/* Makes `count` objects of 2^bits bytes, at least a page each, out of that chunk, into slots from
 * `first` on. */
enum error carve(struct space *space, uint32_t chunk, enum object_type type, unsigned bits, cap_t first,
                 unsigned count);
/* One object of a page or more into that slot. */
enum error carve_large(struct space *space, enum object_type type, unsigned bits, cap_t slot);
/* An object of any size into a new slot. */
enum error carve_object(struct space *space, enum object_type type, unsigned bits, cap_t *cap);
/* A cleared frame that is not mapped; 0 and *error when there is none. */
cap_t frame_get(struct space *space, enum error *error);
/* Takes back a frame; it is not mapped any more. */
void frame_put(struct space *space, uint32_t place);
/* Unmaps a frame and takes it back. */
void frame_drop(struct space *space, uint32_t place);
/* Maps a frame, with the page tables that are missing. */
enum error space_map_frame(struct space *space, cap_t frame, uint64_t address, uint64_t prot);

/* --- region.c (portable) --- */

/* The region in a cell. */
static inline struct region *region_at(uint32_t cell)
{
    return ledger_at(cell);
}
/* Trees of such nodes: by start, without overlaps. tree_after: the first that ends after `address`; 0:
 * none. */
void tree_insert(uint32_t *root, uint32_t cell);
void tree_remove(uint32_t *root, uint32_t cell);
uint32_t tree_after(uint32_t root, uint64_t address);
/* The first region that ends after `address`; NULL when there is none. */
struct region *region_after(const struct space *space, uint64_t address);
/* The region that holds the address; NULL: none. */
struct region *region_search(struct space *space, uint64_t address);
static inline struct region *region_find(struct space *space, uint64_t address)
{
    struct region *hot = region_at(space->region_hot);
    bool here = space->region_hot != 0 && address >= hot->start && address < hot->end;
    return here ? hot : region_search(space, address);
}
/* What is unmapped is often mapped again at once: an anonymous region without pages that is over is laid
 * aside, still in the tree, until another takes its place. region_again takes it up for a region of its
 * length; NULL: there is none. region_bury takes it out of the tree. */
void region_lay_aside(struct space *space, struct region *region);
struct region *region_again(struct space *space, uint64_t length, uint32_t prot);
void region_bury(struct space *space);
/* Whether no region has a page in [start, end). */
bool region_is_clear(struct space *space, uint64_t start, uint64_t end);
/* A free range of `length` bytes as high as possible, aligned to `alignment`, with an unmapped page on both
 * sides; 0: none. */
uint64_t region_choose(struct space *space, uint64_t length, uint64_t alignment);
/* Enters a region into a range that is clear; start, end, offset and prot count. Shows `segment` if that is
 * not 0. ERR_QUOTA, ERR_NO_MEMORY. */
enum error region_insert(struct space *space, const struct region *region, uint32_t segment);
/* Whether cutting [start, end) out works: it may need room for one more region. */
enum error region_can_cut(struct space *space, uint64_t start, uint64_t end);
/* Takes out what the first region that ends after `start` has of the range; after region_can_cut. */
void region_cut(struct space *space, uint64_t start, uint64_t end);

/* --- map.c: memory in a space --- */

/* Maps anonymous memory; *address 0: anywhere. */
enum error map_anonymous(struct space *space, uint64_t *address, uint64_t length, uint64_t prot);
/* Maps a part of a segment. */
enum error map_segment(struct space *space, uint32_t segment, uint64_t *address, uint64_t offset,
                       uint64_t length, uint64_t prot);
/* Errors as in the protocol; ERR_WOULD_BLOCK: all locks are needed. *length becomes what is done. */
enum error unmap(struct space *space, uint64_t address, uint64_t *length);
/* Makes the pages of a mapped range present; gives back what they hold, of memory that is no segment's. */
enum error populate(struct space *space, uint64_t address, uint64_t *length);
enum error discard(struct space *space, uint64_t address, uint64_t *length);
/* Takes pages of [start, end), a part of the region, out of the space and gives them back, at most *steps,
 * which is counted down. Returns how far it came. */
uint64_t drop_pages(struct space *space, const struct region *region, uint64_t start, uint64_t end,
                    unsigned *steps);
/* Makes the page present that an access to `address` needs. Errors: ERR_BAD_ADDRESS, ERR_NO_RIGHT,
 * ERR_QUOTA, ERR_NO_MEMORY; ERR_WOULD_BLOCK: all locks are needed. */
enum error touch(struct space *space, uint64_t address, uint64_t access);

/* --- segment.c --- */

#define SEGMENT_MAX_BYTES (1ull << 37)

/* A segment, in a cell of its owner's ledger; 0 is none. */
struct segment_entry {
    uint64_t length;
    struct pagemap pages;
    uint32_t node;   /* in the owner's tree of segments */
    uint32_t views;  /* list */
    uint32_t chunks; /* contiguous: list of its own */
    uint32_t device; /* cell of struct segment_device; 0: memory */
    uint16_t owner;  /* index of the space */
    bool dropped;    /* its owner wants it no longer */
};
_Static_assert(sizeof(struct segment_entry) <= CELL_BYTES, "one cell");

/* The frames of a segment of device registers, in ascending order without gaps. */
struct segment_device {
    cap_t frame[MSG_MAX_CAPS];
    uint8_t bits[MSG_MAX_CAPS]; /* sizes */
    uint32_t count;
};
_Static_assert(sizeof(struct segment_device) <= CELL_BYTES, "one cell");

void segments_init(void);
struct segment_entry *segment_at(uint32_t segment);
struct segment_device *segment_device(const struct segment_entry *segment);
struct space *segment_owner(const struct segment_entry *segment);
/* A new segment that `owner` pays for; 0 and *error. *physical is its address if it is to be contiguous. */
uint32_t segment_new(struct space *owner, uint64_t length, bool contiguous, uint64_t *physical,
                     enum error *error);
/* A segment of device registers; keeps the frames when it succeeds. */
uint32_t segment_new_device(struct space *owner, uint64_t length, const cap_t *frame, unsigned count,
                            enum error *error);
/* Number for the badge of a segment, which never comes back; and back, 0: there is no such segment any
 * more. */
uint64_t segment_number(uint32_t segment);
uint32_t segment_find(uint64_t number);
/* Place of the segment's own capability to the frame of a page, made if it is missing; 0 and *error. */
uint32_t segment_page(uint32_t segment, uint64_t page, enum error *error);
/* The segment that a region shows; 0: none. */
uint32_t segment_of(const struct region *region);
/* Notes that the region in a cell of the space shows the segment; there is a cell for that. */
void view_enter(struct space *space, uint32_t region, uint32_t segment);
/* The region shows it no longer; the last one takes a segment along that its owner dropped. */
void view_leave(struct space *space, uint32_t region);
/* Its owner wants it no longer. */
void segment_drop_owner(uint32_t segment);
/* The space ends: takes its segments away, at most so many pages of those who map them. What others have
 * mapped becomes anonymous memory of theirs. Returns whether none is left. */
bool segments_lose(struct space *space, unsigned *steps);

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
const struct protocol *mm_serves(void);

/* --- receiver.c: a thread on each hart (not in host tests) --- */

/* How many threads init has prepared, this one included. */
unsigned receivers_count(void);
/* Starts the others, and serves for ever as the first. */
void receivers_serve(void) __attribute__((noreturn));
