/* SPDX-License-Identifier: MIT */
/*
 * The virtio network driver between a client's ring and a model of an interface: frames that come and go,
 * which requests are refused, and what happens when the device misbehaves or the client does.
 */
// sources: user/virtio-net/*.c !user/virtio-net/main.c lib/driver/mmio.c lib/driver/virtio_mmio.c
// sources: lib/driver/virtqueue.c lib/driver/eth_server.c lib/driver/cache.c
#include "virtio_net_world.h"

TestSuite(virtio_net, .init = set_up, .fini = tear_down, .timeout = 30);

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
