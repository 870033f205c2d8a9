/* SPDX-License-Identifier: MIT */
/*
 * The interface: a session with the driver's frame protocol, and lwIP's netif on it. All memory is one
 * segment that is lent to the driver: ring, buffers to receive into, and the memory of lwIP, so that a frame
 * is sent from where TCP keeps it until it is acknowledged.
 */
#include "net.h"

#include <base/ring.h>
#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>
#include <proto/dev.h>
#include <proto/eth.h>
#include <proto/mm.h>
#include <string.h>

#define RING_ENTRIES   512
#define BUFFERS        128 /* to receive into */
#define BUFFER_BYTES   2048
#define FRAMES         256 /* under way to the device */
#define MEMORY_BYTES   (4u << 20)
#define MEMORY_LEAST   (1u << 20)
#define RETRY_MS       20  /* until the driver listens again */
#define LOOK_MS        100 /* whether the driver is alive, while something goes on */
#define LOOK_IDLE_MS   1000
#define QUIET_MS       2000 /* nothing goes on */
#define COOKIE_FRAME   (1ull << 32)
#define COOKIE_NOTHING (1ull << 33)

struct netif link_netif;

static struct {
    bool exists, attached;
    cap_t driver, doorbell, signal;
    struct segment segment;
    struct ring_side ring;
    uint64_t memory_from; /* offset of lwIP's memory */
    struct link_counters counters;
    uint64_t busy_until; /* ticks */
    bool submitted;      /* frames that the driver has not been shown */
    unsigned returned;   /* buffers that it has not been shown */
} link;

static struct buffer {
    struct pbuf_custom custom; /* first: lwIP gives this back */
    uint32_t index;
    bool lent; /* the driver has it */
} buffers[BUFFERS];

static struct frame {
    struct pbuf *data; /* NULL: free */
    unsigned next;
} frames[FRAMES];
static unsigned free_frame, frames_under_way;

bool link_exists(void)
{
    return link.exists;
}

const struct link_counters *link_counters(void)
{
    return &link.counters;
}

static uint64_t buffer_offset(uint32_t index)
{
    return align_up(ring_bytes(RING_ENTRIES), BUFFER_BYTES) + (uint64_t)index * BUFFER_BYTES;
}

/* --- Receiving --- */

static void lend_buffer(struct buffer *buffer)
{
    struct ring_request request = {ETH_OP_RECEIVE, BUFFER_BYTES, buffer_offset(buffer->index), 0,
                                   buffer->index};

    buffer->lent = link.attached && ring_submit(&link.ring, &request);
    link.returned += buffer->lent;
}

/* lwIP has done with what came in a buffer. */
static void take_buffer_back(struct pbuf *pbuf)
{
    lend_buffer((struct buffer *)pbuf);
}

static void take_frame(struct buffer *buffer, uint32_t length)
{
    char *data = (char *)link.segment.address + buffer_offset(buffer->index);
    struct pbuf *pbuf;

    buffer->lent = false;
    if (length < ETH_HEADER_BYTES || length > BUFFER_BYTES) {
        link.counters.received_dropped++;
        lend_buffer(buffer);
        return;
    }
    link.counters.received_frames++;
    link.counters.received_bytes += length;
    buffer->custom.custom_free_function = take_buffer_back;
    pbuf = pbuf_alloced_custom(PBUF_RAW, (u16_t)length, PBUF_REF, &buffer->custom, data, BUFFER_BYTES);
    if (link_netif.input(pbuf, &link_netif)) {
        link.counters.received_dropped++;
        pbuf_free(pbuf);
    }
}

/* --- Sending --- */

static void finish_frame(unsigned index)
{
    struct frame *frame = &frames[index];

    if (frame->data == NULL)
        return;
    pbuf_free(frame->data);
    frame->data = NULL;
    frame->next = free_frame;
    free_frame = index;
    frames_under_way--;
}

/* Whether all of the frame lies in the segment, and how many pieces it has. */
static bool can_be_sent(const struct pbuf *pbuf, unsigned *pieces)
{
    const char *start = link.segment.address;

    for (*pieces = 0; pbuf != NULL; pbuf = pbuf->next) {
        const char *data = pbuf->payload;
        if (pbuf->len == 0)
            continue;
        if (data < start + link.memory_from || data >= start + link.segment.length)
            return false;
        ++*pieces;
    }
    return *pieces > 0 && *pieces <= ETH_MAX_PIECES;
}

static void submit_pieces(const struct pbuf *pbuf, unsigned pieces, uint64_t cookie)
{
    for (; pieces > 0; pbuf = pbuf->next) {
        if (pbuf->len == 0)
            continue;
        bool last = --pieces == 0;
        struct ring_request request = {last ? ETH_OP_SEND : ETH_OP_PIECE, pbuf->len,
                                       (uint64_t)((char *)pbuf->payload - (char *)link.segment.address), 0,
                                       last ? cookie : COOKIE_NOTHING};
        ring_submit(&link.ring, &request);
    }
    link.submitted = true;
}

static bool has_room(unsigned pieces)
{
    /* A request holds its place in the ring until it is over. Buffers always find theirs. */
    uint32_t under_way = link.ring.made - link.ring.taken;

    return link.attached && free_frame < FRAMES && under_way + pieces + BUFFERS <= RING_ENTRIES;
}

/* For lwIP: sends a frame. One that lies elsewhere, or in too many pieces, is copied. */
static err_t send_frame(struct netif *netif, struct pbuf *pbuf)
{
    unsigned pieces, index = free_frame;

    (void)netif;
    if (!link.attached)
        return ERR_IF;
    if (can_be_sent(pbuf, &pieces))
        pbuf_ref(pbuf);
    else
        pbuf = pbuf_clone(PBUF_RAW, PBUF_RAM, pbuf);
    if (pbuf == NULL || !can_be_sent(pbuf, &pieces) || !has_room(pieces)) {
        link.counters.sent_dropped++;
        if (pbuf != NULL)
            pbuf_free(pbuf);
        return ERR_MEM;
    }
    free_frame = frames[index].next;
    frames[index].data = pbuf;
    frames_under_way++;
    submit_pieces(pbuf, pieces, COOKIE_FRAME | index);
    link.counters.sent_frames++;
    link.counters.sent_bytes += pbuf->tot_len;
    return ERR_OK;
}

/* --- The driver --- */

static void lose_driver(void)
{
    rt_log("the network driver has gone");
    link.attached = false;
    slot_free(link.doorbell);
    link.doorbell = 0;
}

/* Buffers alone can wait until a quarter of them is back: the driver has others. */
void link_flush(void)
{
    if (!link.attached || (!link.submitted && link.returned < BUFFERS / 4))
        return;
    link.submitted = false;
    link.returned = 0;
    link.busy_until = rt_ticks() + ticks_of_ms(QUIET_MS);
    if (ring_submit_publish(&link.ring) && notification_signal(link.doorbell))
        lose_driver();
}

/* Returns how many there were. */
static unsigned take_completions(void)
{
    struct ring_completion completion;
    unsigned count = 0;

    for (; ring_take_completion(&link.ring, &completion); count++) {
        if (completion.cookie < BUFFERS && buffers[completion.cookie].lent)
            take_frame(&buffers[completion.cookie], completion.status ? 0 : completion.length);
        else if ((completion.cookie & ~0xffffffffull) == COOKIE_FRAME && (uint32_t)completion.cookie < FRAMES)
            finish_frame((uint32_t)completion.cookie);
    }
    return count;
}

bool link_receive(void)
{
    unsigned count = 0;

    if (!link.attached)
        return false;
    do {
        ring_client_wake(&link.ring);
        count += take_completions();
        link_flush();
    } while (link.attached && ring_client_sleep(&link.ring));
    if (count > 0)
        timers_busy();
    return count > 0;
}

/* Whether the driver waits for messages: one that is dead or starting would have us wait. */
static bool driver_listens(void)
{
    struct msg m = {.tag = tag_make(OP_eth_info, 1, 0)};

    return !sys_msg(SYS_TRY_SEND, link.driver, &m);
}

/* All buffers are ours again, and what was under way to the device is not: its next driver has stopped it. */
static void begin_anew(void)
{
    for (unsigned i = 0; i < FRAMES; i++)
        finish_frame(i);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        /* One that lwIP still has comes by itself. */
        if (buffers[i].custom.pbuf.ref == 0 || buffers[i].lent)
            lend_buffer(&buffers[i]);
    }
}

static void follow_link(const struct eth_info_reply *info)
{
    bool up = info->flags & ETH_LINK_UP;

    if (up && !netif_is_link_up(&link_netif))
        netif_set_link_up(&link_netif);
    else if (!up && netif_is_link_up(&link_netif))
        netif_set_link_down(&link_netif);
}

static void ask_link(void)
{
    struct eth_unit_request unit = {0};
    struct eth_info_reply info;

    if (!eth_info(link.driver, &unit, &info))
        follow_link(&info);
}

static enum error attach(void)
{
    struct eth_attach_request request = {.ring_entries = RING_ENTRIES};
    enum error error = eth_attach(link.driver, &request, NULL, link.segment.cap, link.signal, &link.doorbell);

    if (error)
        return error;
    link.attached = true;
    ring_client_init(&link.ring, link.segment.address, RING_ENTRIES);
    begin_anew();
    link_flush();
    ask_link();
    return ERR_OK;
}

static bool driver_is_dead(void)
{
    struct cap_info info;

    return cnode_inspect(START_CNODE, link.doorbell, &info) || info.type != OBJ_NOTIFICATION;
}

/* The driver gives frames back when something else happens. TCP does not send again what may still be on its
 * way, so it is asked now and then. */
static void ask_for_frames(void)
{
    static unsigned before;

    if (frames_under_way > 0 && frames_under_way == before && link.attached)
        notification_signal(link.doorbell);
    before = frames_under_way;
}

void link_ask(void)
{
    if (link.attached && !driver_is_dead())
        ask_link();
}

/* News of the link that came together with frames. */
static void ask_now_and_then(void)
{
    static uint64_t asked;

    if (rt_ticks() - asked < ticks_of_ms(LOOK_IDLE_MS))
        return;
    asked = rt_ticks();
    link_ask();
}

uint64_t link_check(void)
{
    if (!link.exists)
        return NEVER;
    ask_for_frames();
    if (link.attached && driver_is_dead())
        lose_driver();
    if (!link.attached && driver_listens() && !attach()) {
        link.counters.restarts++;
        rt_log("the network driver is back");
        link_receive();
    }
    ask_now_and_then();
    uint64_t now = rt_ticks();
    return now + ticks_of_ms(!link.attached ? RETRY_MS : now < link.busy_until ? LOOK_MS : LOOK_IDLE_MS);
}

/* --- Beginning --- */

static void say_address(struct netif *netif)
{
    static ip4_addr_t said;

    if (netif_is_up(netif) && !ip4_addr_isany(netif_ip4_addr(netif)) &&
        !ip4_addr_cmp(netif_ip4_addr(netif), &said)) {
        ip4_addr_copy(said, *netif_ip4_addr(netif));
        rt_log("eth0: address %s", ip4addr_ntoa(&said));
    }
}

static err_t start_netif(struct netif *netif)
{
    netif->name[0] = 'e';
    netif->name[1] = 't';
    netif->hostname = "cardea";
    netif->hwaddr_len = ETH_ADDRESS_BYTES;
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = send_frame;
    netif->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    return ERR_OK;
}

static void add_netif(const struct eth_info_reply *info)
{
    struct netif *netif = &link_netif;
    uint64_t mtu = info->mtu + ETH_HEADER_BYTES + 4 <= BUFFER_BYTES ? info->mtu : 1500;

    netif_add(netif, NULL, NULL, NULL, NULL, start_netif, ethernet_input);
    memcpy(netif->hwaddr, info->address, ETH_ADDRESS_BYTES);
    netif->mtu = netif->mtu6 = (u16_t)mtu;
    netif_set_status_callback(netif, say_address);
    netif_set_default(netif);
    netif_create_ip6_linklocal_address(netif, 1);
    netif_set_ip6_autoconfig_enabled(netif, 1);
    netif_set_up(netif);
    dhcp_start(netif);
}

/* Memory that a driver can lend to its device. */
static enum error make_memory(size_t length)
{
    struct dev_dma_request request = {.length = length};
    struct dev_dma_reply reply;
    cap_t cap;
    enum error error = dev_dma_lend(rt_cap("dev"), &request, &reply, &cap);

    if (error)
        return error;
    error = segment_map(&link.segment, cap, reply.length, MM_READ | MM_WRITE);
    if (error)
        slot_free(cap);
    return error;
}

static bool find_interface(struct eth_info_reply *info)
{
    struct eth_unit_request unit = {0};

    link.driver = rt_server("eth");
    return link.driver != 0 && !eth_info(link.driver, &unit, info) && info->units > 0;
}

/* What lwIP has where there is no interface: other programs on this machine are all it can talk to. */
static void make_own_memory(void)
{
    void *memory = rt_map(MEMORY_LEAST, MM_READ | MM_WRITE);

    if (memory == NULL)
        rt_fail("no memory");
    memory_init(memory, MEMORY_LEAST);
}

void link_init(cap_t signal)
{
    struct eth_info_reply info = {0};

    link.signal = signal;
    link.exists = find_interface(&info);
    for (unsigned i = 0; i < FRAMES; i++)
        frames[i].next = i + 1;
    for (uint32_t i = 0; i < BUFFERS; i++)
        buffers[i].index = i;
    if (link.exists && make_memory(MEMORY_BYTES) && make_memory(MEMORY_LEAST)) {
        rt_log("no memory for frames: the interface is not used");
        link.exists = false;
    }
    if (link.exists) {
        link.memory_from = buffer_offset(BUFFERS);
        memory_init((char *)link.segment.address + link.memory_from, link.segment.length - link.memory_from);
    } else {
        make_own_memory();
    }
    lwip_init();
    if (!link.exists)
        return;
    add_netif(&info);
    if (!attach())
        return;
    rt_log("the network driver does not take a client; trying again");
}
