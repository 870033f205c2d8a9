/* SPDX-License-Identifier: MIT */
/* Frames that the virtio network driver sends: pieces, room, and when client and device are told of them. */
// sources: user/virtio-net/*.c !user/virtio-net/main.c lib/driver/mmio.c lib/driver/virtio_mmio.c
// sources: lib/driver/virtqueue.c lib/driver/eth_server.c lib/driver/cache.c
#include "virtio_net_world.h"

TestSuite(virtio_net_send, .init = set_up, .fini = tear_down, .timeout = 30);

Test(virtio_net_send, frame_goes_from_the_clients_pieces)
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

Test(virtio_net_send, half_a_frame_waits_for_its_other_half)
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

Test(virtio_net_send, a_frame_of_too_many_pieces_comes_back_whole)
{
    open_and_attach();
    for (unsigned i = 0; i <= ETH_MAX_PIECES; i++)
        submit(ETH_OP_PIECE, data_at(0), 20, i);
    run();
    for (unsigned i = 0; i <= ETH_MAX_PIECES; i++)
        cr_assert_eq(complete().status, ERR_TOO_LONG);
}

Test(virtio_net_send, more_than_the_device_has_room_for_waits)
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

Test(virtio_net_send, client_is_not_woken_for_frames_that_were_sent)
{
    uint8_t frame[BUFFER];

    open_and_attach();
    submit(ETH_OP_RECEIVE, data_at(0), BUFFER, 1);
    submit(ETH_OP_SEND, data_at(1), 60, 2);
    run();
    ring_client_sleep(&ring);
    frame_goes(frame);
    cr_assert_eq(signals, 0);
    frame_comes(1, 60);
    cr_assert_eq(signals, 1);
    cr_assert_eq(complete().cookie, 2);
    cr_assert_eq(complete().cookie, 1);
}

Test(virtio_net_send, client_with_half_a_ring_under_way_is_woken)
{
    uint8_t frame[BUFFER];

    open_and_attach();
    for (unsigned i = 0; i < ENTRIES / 2; i++)
        submit(ETH_OP_SEND, data_at(i % 64), 60, i);
    run();
    ring_client_sleep(&ring);
    for (unsigned i = 0; i < NIC_MAX_FRAMES && signals == 0; i++)
        frame_goes(frame);
    cr_assert_eq(signals, 1);
}

Test(virtio_net_send, device_interrupts_for_sent_frames_while_one_waits_for_room)
{
    uint8_t frame[BUFFER];
    const uint16_t *flags;

    open_and_attach();
    flags = &model_avail(&model->queue[1])->flags;
    submit(ETH_OP_SEND, data_at(0), 60, 0);
    run();
    cr_assert_eq(*flags, VIRTQ_AVAIL_NO_INTERRUPT);
    for (unsigned i = 0; i < NIC_MAX_FRAMES; i++)
        submit(ETH_OP_SEND, data_at(0), 60, i);
    run();
    cr_assert_eq(*flags, 0);
    while (model_waiting(&model->queue[1]) > 0)
        frame_goes(frame);
    cr_assert_eq(*flags, VIRTQ_AVAIL_NO_INTERRUPT);
}
