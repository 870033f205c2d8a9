/* SPDX-License-Identifier: MIT */
/*
 * The virtio network driver between a client's ring and a model of an interface: frames that come and go,
 * which requests are refused, and what happens when the device misbehaves or the client does.
 */
// sources: user/virtio-net/*.c !user/virtio-net/main.c lib/driver/mmio.c lib/driver/virtio_mmio.c
// sources: lib/driver/virtqueue.c lib/driver/eth_server.c lib/driver/cache.c
#include "../../user/virtio-net/nic.h"
#include "rt_stub.h"
#include "virtio_model.h"

#define ENTRIES 512
#define NOTIFY  5000 /* capability slot of the client's notification */
#define CLIENT  3
#define BUFFER  2048
#define HEADER  12

/* --- What the driver gets from the system --- */

static unsigned borrowed, signals, next_slot;
static char *memory; /* the client's */
static const size_t memory_bytes = 1 << 20;

enum error device_dma_borrow(struct segment *segment, cap_t cap)
{
    if (cap != 99)
        return ERR_NOT_FOUND;
    borrowed++;
    *segment = (struct segment){.cap = cap, .address = memory, .length = memory_bytes};
    segment->physical = (uint64_t)memory;
    return ERR_OK;
}

void device_dma_return(struct segment *segment)
{
    borrowed--;
    *segment = (struct segment){0};
}

cap_t slot_alloc(void)
{
    return ++next_slot;
}

void slot_free(cap_t slot)
{
    (void)slot;
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    cr_assert(cnode == START_CNODE && slot != 0 && source_cnode == 0 && source == 77);
    cr_assert_eq(rights, RIGHT_SIGNAL);
    cr_assert_geq(badge, 1 << ETH_DOORBELL);
    return ERR_OK;
}

enum error notification_signal(cap_t notification)
{
    cr_assert_eq(notification, NOTIFY);
    signals++;
    return ERR_OK;
}

/* --- An interface and its client --- */

static const struct cache coherent;
static struct model *model;
static struct nic nic;
static void *nic_memory;
static struct ring_side ring;

static void set_up(void)
{
    stub_log_clear();
    borrowed = signals = 0;
    model = model_new(1);
    model->device_id = 1;
    model->queues = 2;
    model->offered = VIRTIO_F_VERSION_1 | 1 << 5 | 1 << 16;
    model->config[0] = 0x0001563412005452; /* 52:54:00:12:34:56, the link is up */
    nic_memory = calloc(1, nic_memory_bytes());
    memory = aligned_alloc(4096, memory_bytes);
    nic = (struct nic){0};
    eth_server_setup(77);
}

static void tear_down(void)
{
    model_free(model);
    free(nic_memory);
    free(memory);
}

TestSuite(virtio_net, .init = set_up, .fini = tear_down, .timeout = 30);

static void open_nic(void)
{
    cr_assert_eq(
        nic_open(&nic, "virtio_mmio@10007000", &model->regs, &coherent, nic_memory, (uint64_t)nic_memory),
        ERR_OK);
}

static void attach(void)
{
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 99, NOTIFY, ENTRIES), ERR_OK);
    ring_client_init(&ring, memory, ENTRIES);
}

static void open_and_attach(void)
{
    open_nic();
    attach();
}

static uint64_t data_at(unsigned i)
{
    return 65536 + (uint64_t)i * BUFFER;
}

static void submit(enum eth_op op, uint64_t offset, uint32_t length, uint64_t cookie)
{
    struct ring_request request = {op, length, offset, 0, cookie};

    cr_assert(ring_submit(&ring, &request));
}

static void run(void)
{
    ring_submit_publish(&ring);
    eth_run(&nic.unit);
}

static void interrupt(void)
{
    nic_interrupt(&nic);
    eth_run(&nic.unit);
}

static struct ring_completion complete(void)
{
    struct ring_completion completion = {.status = 1234};

    cr_assert(ring_take_completion(&ring, &completion), "nothing was completed");
    return completion;
}

static bool nothing_completed(void)
{
    struct ring_completion completion;

    return !ring_take_completion(&ring, &completion);
}

/* The device receives a frame of `length` bytes, all of them `fill`. */
static void frame_comes(uint8_t fill, uint32_t length)
{
    struct model_queue *queue = &model->queue[0];
    struct model_part part[8];

    cr_assert_gt(model_waiting(queue), 0, "there is no buffer");
    uint16_t head = model_head(queue, 0);
    cr_assert_eq(model_chain(queue, head, part, 8), 2);
    cr_assert(part[0].writable && part[0].length == HEADER && part[1].writable && part[1].length >= length);
    memset(part[0].data, 0, HEADER);
    memset(part[1].data, fill, length);
    model_finish(model, queue, head, HEADER + length);
    queue->seen++;
    interrupt();
}

/* The device sends one frame; returns its bytes without the header, in `frame`. */
static size_t frame_goes(uint8_t *frame)
{
    struct model_queue *queue = &model->queue[1];
    struct model_part part[10];
    size_t length = 0;

    cr_assert_gt(model_waiting(queue), 0, "there is no frame");
    uint16_t head = model_head(queue, 0);
    unsigned count = model_chain(queue, head, part, 10);
    cr_assert(!part[0].writable && part[0].length == HEADER);
    for (unsigned i = 0; i < HEADER; i++)
        cr_assert_eq(part[0].data[i], 0, "no offload was agreed on");
    for (unsigned i = 1; i < count; i++) {
        cr_assert(!part[i].writable);
        memcpy(frame + length, part[i].data, part[i].length);
        length += part[i].length;
    }
    model_finish(model, queue, head, 0);
    queue->seen++;
    interrupt();
    return length;
}

/* --- Tests --- */

Test(virtio_net, tells_what_the_interface_is)
{
    open_nic();
    const uint8_t address[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
    cr_assert_arr_eq(nic.unit.address, address, 6);
    cr_assert(nic.unit.link_up);
    cr_assert_eq(nic.unit.mtu, 1500);
    cr_assert_eq(model->accepted, model->offered);
}

Test(virtio_net, takes_the_mtu_of_the_device)
{
    model->offered |= 1 << 3;
    model->config[1] = (uint64_t)9000 << 16;
    open_nic();
    cr_assert_eq(nic.unit.mtu, 9000);
}

Test(virtio_net, accepts_nothing_that_it_does_not_use)
{
    model->offered = ~0ull;
    open_nic();
    cr_assert_eq(model->accepted, VIRTIO_F_VERSION_1 | 1 << 3 | 1 << 5 | 1 << 16);
}

Test(virtio_net, has_an_address_when_the_device_has_none)
{
    model->offered = VIRTIO_F_VERSION_1;
    open_nic();
    cr_assert_eq(nic.unit.address[0], 2, "local, of one interface");
    cr_assert(nic.unit.link_up, "a device that does not tell is up");
}

Test(virtio_net, frame_comes_into_the_clients_buffer)
{
    open_and_attach();
    submit(ETH_OP_RECEIVE, data_at(0), BUFFER, 7);
    run();
    memset(memory + data_at(0), 0xee, BUFFER);
    frame_comes(0x55, 60);
    struct ring_completion completion = complete();
    cr_assert(completion.cookie == 7 && !completion.status && completion.length == 60);
    cr_assert_eq(memory[data_at(0)], 0x55);
    cr_assert_eq((uint8_t)memory[data_at(0) + 60], 0xee);
}

Test(virtio_net, frame_goes_from_the_clients_pieces)
{
    uint8_t frame[BUFFER];

    open_and_attach();
    memset(memory + data_at(0), 1, 14);
    memset(memory + data_at(1), 2, 100);
    submit(ETH_OP_PIECE, data_at(0), 14, 8);
    submit(ETH_OP_SEND, data_at(1), 100, 9);
    run();
    cr_assert(nothing_completed());
    cr_assert_eq(frame_goes(frame), 114);
    cr_assert(frame[13] == 1 && frame[14] == 2 && frame[113] == 2);
    cr_assert_eq(complete().cookie, 8);
    cr_assert_eq(complete().cookie, 9);
}

Test(virtio_net, half_a_frame_waits_for_its_other_half)
{
    uint8_t frame[BUFFER];

    open_and_attach();
    submit(ETH_OP_PIECE, data_at(0), 14, 1);
    run();
    cr_assert_eq(model_waiting(&model->queue[1]), 0);
    submit(ETH_OP_SEND, data_at(1), 46, 2);
    run();
    cr_assert_eq(frame_goes(frame), 60);
}

Test(virtio_net, requests_that_make_no_sense_are_refused)
{
    static const struct {
        uint32_t op, length;
        uint64_t offset;
    } bad[] = {
        {0, 60, 65536},
        {4, 60, 65536},
        {ETH_OP_SEND, 0, 65536},
        {ETH_OP_SEND, 13, 65536},
        {ETH_OP_SEND, 1519, 65536},
        {ETH_OP_SEND, 60, 0},
        {ETH_OP_SEND, 60, (1 << 20) - 59},
        {ETH_OP_SEND, 60, UINT64_MAX - 10},
        {ETH_OP_RECEIVE, 1517, 65536},
        {ETH_OP_RECEIVE, UINT32_MAX, 65536},
        {ETH_OP_RECEIVE, BUFFER, 64},
    };

    open_and_attach();
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        submit(bad[i].op, bad[i].offset, bad[i].length, i);
        run();
        struct ring_completion completion = complete();
        cr_assert(completion.cookie == i && completion.status, "request %u was taken", i);
    }
    cr_assert_eq(model_waiting(&model->queue[0]) + model_waiting(&model->queue[1]), 0);
}

Test(virtio_net, a_frame_of_too_many_pieces_comes_back_whole)
{
    open_and_attach();
    for (unsigned i = 0; i <= ETH_MAX_PIECES; i++)
        submit(ETH_OP_PIECE, data_at(0), 20, i);
    run();
    for (unsigned i = 0; i <= ETH_MAX_PIECES; i++)
        cr_assert_eq(complete().status, ERR_TOO_LONG);
}

Test(virtio_net, more_than_the_device_has_room_for_waits)
{
    uint8_t frame[BUFFER];
    unsigned count = NIC_MAX_FRAMES + 20;

    open_and_attach();
    for (unsigned i = 0; i < count; i++)
        submit(ETH_OP_SEND, data_at(i % 64), 60 + i, i);
    run();
    cr_assert_eq(model_waiting(&model->queue[1]), NIC_MAX_FRAMES);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(frame_goes(frame), 60 + i, "the order stays");
        cr_assert_eq(complete().cookie, i);
    }
}

Test(virtio_net, one_client_at_a_time)
{
    open_and_attach();
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT + 1, 99, NOTIFY, ENTRIES), ERR_IN_USE);
    eth_session_end(&nic.unit, CLIENT + 1);
    cr_assert(nic.unit.session.open, "another's end is not this one's");
}

Test(virtio_net, sessions_that_make_no_sense_are_refused)
{
    open_nic();
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 98, NOTIFY, ENTRIES), ERR_NOT_FOUND);
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 99, NOTIFY, 0), ERR_BAD_ARG);
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 99, NOTIFY, 100), ERR_BAD_ARG);
    cr_assert_eq(eth_session_open(&nic.unit, 0, CLIENT, 99, NOTIFY, 2 * RING_MAX_ENTRIES), ERR_BAD_ARG);
    cr_assert_eq(borrowed, 0);
}

Test(virtio_net, device_is_stopped_before_the_clients_memory_goes_back)
{
    open_and_attach();
    submit(ETH_OP_RECEIVE, data_at(0), BUFFER, 1);
    run();
    unsigned resets = model->resets;
    eth_session_end(&nic.unit, CLIENT);
    cr_assert_eq(model->resets, resets + 2, "stopped, then started anew");
    cr_assert_eq(borrowed, 0);
    cr_assert_eq(model_waiting(&model->queue[0]), 0);
    attach();
    submit(ETH_OP_RECEIVE, data_at(1), BUFFER, 2);
    run();
    frame_comes(1, 60);
    cr_assert_eq(complete().cookie, 2);
}

Test(virtio_net, memory_of_a_device_that_does_not_stop_is_kept)
{
    open_and_attach();
    model->never_resets = true;
    eth_session_end(&nic.unit, CLIENT);
    cr_assert_eq(borrowed, 1);
    cr_assert_eq(nic.unit.failed, ERR_IO);
}

Test(virtio_net, ring_that_makes_no_sense_ends_the_session)
{
    open_and_attach();
    ring.shared->submit_head = ENTRIES + 5;
    eth_run(&nic.unit);
    cr_assert(!nic.unit.session.open);
    cr_assert_eq(borrowed, 0);
}

static void misbehave_and_recover(void)
{
    unsigned buffers = 3;

    for (unsigned i = 0; i < buffers; i++)
        submit(ETH_OP_RECEIVE, data_at(i), BUFFER, i);
    run();
    struct model_queue *queue = &model->queue[0];
    model_finish(model, queue, model_head(queue, 0), HEADER + 60);
    queue->seen++;
    interrupt();
    for (unsigned i = 0; i < buffers; i++)
        cr_assert_eq(complete().status, ERR_IO);
    submit(ETH_OP_RECEIVE, data_at(9), BUFFER, 9);
    run();
    frame_comes(3, 60);
    struct ring_completion completion = complete();
    cr_assert(completion.cookie == 9 && !completion.status);
}

Test(virtio_net, device_that_finishes_what_it_was_not_given)
{
    open_and_attach();
    model->bad_id = true;
    misbehave_and_recover();
    cr_assert_eq(nic.unit.resets, 1);
}

Test(virtio_net, device_that_says_that_it_wrote_too_much)
{
    open_and_attach();
    model->bad_length = true;
    misbehave_and_recover();
}

Test(virtio_net, device_that_writes_less_than_a_header)
{
    open_and_attach();
    submit(ETH_OP_RECEIVE, data_at(0), BUFFER, 1);
    run();
    struct model_queue *queue = &model->queue[0];
    model_finish(model, queue, model_head(queue, 0), HEADER - 1);
    queue->seen++;
    interrupt();
    cr_assert_eq(complete().status, ERR_IO);
    cr_assert_eq(nic.unit.resets, 0);
}

Test(virtio_net, device_that_misbehaves_all_the_time_is_given_up)
{
    open_and_attach();
    for (unsigned i = 0; i <= NIC_MAX_RESETS; i++) {
        submit(ETH_OP_RECEIVE, data_at(0), BUFFER, i);
        run();
        model->bad_index = true;
        struct model_queue *queue = &model->queue[0];
        model_finish(model, queue, model_head(queue, 0), HEADER + 60);
        interrupt();
        complete();
    }
    cr_assert_eq(nic.unit.failed, ERR_IO);
    submit(ETH_OP_SEND, data_at(0), 60, 1);
    run();
    cr_assert_eq(complete().status, ERR_IO);
}

Test(virtio_net, client_hears_when_the_link_changes)
{
    open_and_attach();
    model->config[0] &= ~(1ull << 48);
    model->interrupt |= VIRTIO_INTERRUPT_CONFIG;
    signals = 0;
    interrupt();
    cr_assert(!nic.unit.link_up);
    cr_assert_eq(signals, 1);
    cr_assert_not_null(strstr(stub_log, "link down"));
}

Test(virtio_net, client_that_is_awake_is_not_signalled)
{
    open_and_attach();
    submit(ETH_OP_RECEIVE, data_at(0), BUFFER, 1);
    submit(ETH_OP_RECEIVE, data_at(1), BUFFER, 2);
    run();
    frame_comes(1, 60);
    cr_assert_eq(signals, 0);
    complete();
    ring_client_sleep(&ring);
    frame_comes(2, 60);
    cr_assert_eq(signals, 1);
}
