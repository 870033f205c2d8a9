/* SPDX-License-Identifier: MIT */
/*
 * The virtio disk driver between clients' rings and a model of a disk: what is read and written, which
 * requests are refused, and what happens when the device misbehaves or a client does.
 */
// sources: user/virtio-blk/*.c !user/virtio-blk/main.c lib/driver/mmio.c lib/driver/virtio_mmio.c
// sources: lib/driver/virtqueue.c lib/driver/blk_server.c lib/driver/cache.c
#include "virtio_blk_world.h"

TestSuite(virtio_blk, .init = set_up, .fini = tear_down, .timeout = 30);

Test(virtio_blk, tells_what_the_disk_is)
{
    model->offered |= 1 << 5 | 1 << 1;
    model->config[1] = 65536 + 100; /* largest piece, bytes */
    open_disk();
    cr_assert_eq(disk.unit.sectors, SECTORS);
    cr_assert_eq(disk.unit.max_sectors, 128);
    cr_assert(disk.unit.read_only);
    cr_assert(disk.unit.can_flush);
}

Test(virtio_blk, reads_into_the_clients_buffer)
{
    open_disk();
    struct client client = attach(3);
    memset(client.data, 0xee, client.data_bytes);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 1024, 512, 41, 7}), ERR_OK);
    cr_assert_eq(client.data[511], 0xee);
    cr_assert_eq(client.data[512], 41);
    cr_assert_eq(client.data[1023], 41);
    cr_assert_eq(client.data[1024], 42);
    cr_assert_eq(client.data[1536], 0xee);
}

Test(virtio_blk, writes_and_flushes)
{
    open_disk();
    struct client client = attach(3);
    memset(client.data, 0x77, 512);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_WRITE, 512, 0, SECTORS - 1, 1}), ERR_OK);
    cr_assert_eq(model->disk[SECTORS * 512 - 1], 0x77);
    cr_assert_eq(model->disk[(SECTORS - 1) * 512 - 1], SECTORS - 2);
    cr_assert_eq(do_request(&client, (struct ring_request){.op = BLK_OP_FLUSH, .cookie = 2}), ERR_OK);
}

Test(virtio_blk, refuses_what_is_out_of_range)
{
    static const struct ring_request bad[] = {
        {BLK_OP_READ, 0, 0, 0, 1},
        {BLK_OP_READ, 511, 0, 0, 1},
        {BLK_OP_READ, 512, 1, 0, 1},
        {BLK_OP_READ, 512, 8 * 4096, 0, 1},
        {BLK_OP_READ, 1024, 8 * 4096 - 512, 0, 1},
        {BLK_OP_READ, 512, UINT64_MAX - 511, 0, 1},
        {BLK_OP_READ, 512, 0, SECTORS, 1},
        {BLK_OP_READ, 1024, 0, SECTORS - 1, 1},
        {BLK_OP_READ, 512, 0, UINT64_MAX, 1},
        {BLK_OP_WRITE, 1024, 0, UINT64_MAX - 1, 1},
        {BLK_OP_READ, UINT32_MAX - 511, 0, 0, 1},
    };
    open_disk();
    struct client client = attach(3);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(do_request(&client, bad[i]), ERR_BAD_ARG, "request %zu", i);
    cr_assert_eq(do_request(&client, (struct ring_request){.op = 9, .length = 512, .cookie = 5}), ERR_BAD_OP);
    cr_assert_eq(do_request(&client, (struct ring_request){.op = 0, .length = 512, .cookie = 5}), ERR_BAD_OP);
    cr_assert_eq(model->queue[0].seen, 0, "the device saw none of them");
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 8 * 4096, 0, 0, 6}), ERR_OK);
}

Test(virtio_blk, requests_are_no_larger_than_the_disk_allows)
{
    model->offered |= 1 << 1;
    model->config[1] = 1024;
    open_disk();
    struct client client = attach(3);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 1536, 0, 0, 1}), ERR_BAD_ARG);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 1024, 0, 0, 1}), ERR_OK);
}

Test(virtio_blk, writing_needs_the_right_and_a_disk_that_can)
{
    open_disk();
    struct client reader = attach_sized(3, false, 4096, 4);
    struct client writer = attach(4);
    cr_assert_eq(do_request(&reader, (struct ring_request){BLK_OP_WRITE, 512, 0, 0, 1}), ERR_DENIED);
    disk.unit.read_only = true;
    cr_assert_eq(do_request(&writer, (struct ring_request){BLK_OP_WRITE, 512, 0, 0, 1}), ERR_READ_ONLY);
    cr_assert_eq(do_request(&writer, (struct ring_request){BLK_OP_READ, 512, 0, 0, 2}), ERR_OK);
    cr_assert_eq(model->disk[0], 0);
}

Test(virtio_blk, flush_of_a_disk_that_writes_through)
{
    model->offered = VIRTIO_F_VERSION_1;
    open_disk();
    struct client client = attach(3);
    cr_assert_eq(do_request(&client, (struct ring_request){.op = BLK_OP_FLUSH, .cookie = 2}), ERR_OK);
    cr_assert_eq(model->queue[0].seen, 0);
}

Test(virtio_blk, device_errors_reach_the_client)
{
    open_disk();
    struct client client = attach(3);
    model->next_status = 1;
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 0, 1}), ERR_IO);
    model->next_status = 2;
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 0, 1}), ERR_UNSUPPORTED);
    model->next_status = 77;
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 0, 1}), ERR_IO);
    cr_assert_eq(stub_lines, 0, "the disk works");
}

Test(virtio_blk, wakes_only_who_sleeps)
{
    open_disk();
    struct client client = attach(3);
    cr_assert(submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 1, 1}),
              "an idle driver must be rung");
    device_works(1);
    cr_assert_eq(signals, 0, "the client was awake");
    complete(&client);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 2, 2});
    cr_assert_not(ring_client_sleep(&client.ring));
    device_works(1);
    cr_assert_eq(signals, 1);
    cr_assert_eq(signalled, NOTIFY + 3);
}

Test(virtio_blk, busy_driver_need_not_be_rung)
{
    open_disk();
    struct client client = attach_sized(3, true, 4096, 128);
    for (unsigned i = 0; i < DISK_MAX_REQUESTS; i++)
        ring_submit(&client.ring, &(struct ring_request){BLK_OP_READ, 512, 0, i, i});
    ring_submit(&client.ring, &(struct ring_request){BLK_OP_READ, 512, 0, 50, 98});
    cr_assert(ring_submit_publish(&client.ring));
    blk_run();
    cr_assert_not(submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 51, 99}),
                  "it looks again by itself");
    device_works(DISK_MAX_REQUESTS);
    device_works(2);
    for (unsigned i = 0; i < DISK_MAX_REQUESTS; i++)
        complete(&client);
    cr_assert_eq(complete(&client).cookie, 98);
    cr_assert_eq(complete(&client).cookie, 99);
    cr_assert(submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 1, 1}), "it sleeps again");
}

Test(virtio_blk, many_requests_of_several_clients_share_the_queue)
{
    open_disk();
    struct client client[3] = {attach_sized(3, true, 64 * 512, 64), attach_sized(4, true, 64 * 512, 64),
                               attach_sized(5, true, 64 * 512, 64)};
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned c = 0; c < 3; c++) {
            struct ring_request request = {BLK_OP_READ, 512, i * 512, (i + 7 * c) % SECTORS, 100 * c + i};
            cr_assert(ring_submit(&client[c].ring, &request));
        }
    }
    for (unsigned c = 0; c < 3; c++)
        ring_submit_publish(&client[c].ring);
    blk_run();
    cr_assert_eq(disk.in_flight, DISK_MAX_REQUESTS);
    cr_assert_eq(model_waiting(&model->queue[0]), DISK_MAX_REQUESTS);
    cr_assert_eq(model->notified, 1, "one notification for all");
    for (unsigned c = 0; c < 3; c++)
        cr_assert_eq(client[c].session->in_flight, DISK_MAX_REQUESTS / 3, "each gets its share");
    while (model_waiting(&model->queue[0]) > 0)
        device_works(5);
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned i = 0; i < 64; i++) {
            cr_assert_eq(complete(&client[c]).status, ERR_OK);
            cr_assert_eq(client[c].data[i * 512], (i + 7 * c) % SECTORS);
        }
    }
    cr_assert_eq(disk.in_flight, 0);
}

Test(virtio_blk, sizes_are_brought_into_bounds)
{
    struct blk_attach_reply reply;
    struct blk_session *session;
    struct blk_attach_request request = {0, 0, 16};

    open_disk();
    cr_assert_eq(blk_session_open(&disk.unit, 3, true, NOTIFY, &request, &reply, &session), ERR_BAD_ARG);
    request = (struct blk_attach_request){0, 4096, 3};
    cr_assert_eq(blk_session_open(&disk.unit, 3, true, NOTIFY, &request, &reply, &session), ERR_BAD_ARG);
    request = (struct blk_attach_request){0, 4096, 0};
    cr_assert_eq(blk_session_open(&disk.unit, 3, true, NOTIFY, &request, &reply, &session), ERR_BAD_ARG);
    request = (struct blk_attach_request){0, UINT64_MAX, 1ull << 63};
    cr_assert_eq(blk_session_open(&disk.unit, 3, true, NOTIFY, &request, &reply, &session), ERR_OK);
    cr_assert_eq(reply.data_bytes, BLK_MAX_DATA);
    cr_assert_eq(reply.ring_entries, RING_MAX_ENTRIES);
    cr_assert_eq(segments, 1);
}

Test(virtio_blk, sessions_end_and_give_their_memory_back)
{
    open_disk();
    for (unsigned round = 0; round < 40; round++) {
        attach(3);
        attach(3);
        attach(4);
        cr_assert_eq(segments, 3);
        cr_assert_eq(blk_session_end_all(3), ERR_OK);
        cr_assert_eq(segments, 1);
        cr_assert_eq(blk_session_end_all(3), ERR_NOT_FOUND);
        cr_assert_eq(blk_session_end_all(4), ERR_OK);
        cr_assert_eq(freed_slot, NOTIFY + 4);
    }
    cr_assert_eq(segments, 0);
}

Test(virtio_blk, one_client_cannot_take_all_sessions)
{
    struct blk_attach_request request = {0, 4096, 4};
    struct blk_attach_reply reply;
    struct blk_session *session;

    open_disk();
    for (unsigned i = 0; i < BLK_MAX_SESSIONS_PER_CLIENT; i++)
        attach(3);
    cr_assert_eq(blk_session_open(&disk.unit, 3, true, NOTIFY, &request, &reply, &session), ERR_TOO_MANY);
    attach(4);
}

Test(virtio_blk, memory_of_a_dead_client_is_kept_until_the_device_is_done)
{
    open_disk();
    struct client client = attach(3);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1});
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 512, 9, 2});
    blk_session_end_all(3);
    cr_assert_eq(segments, 1, "two requests are under way");
    device_works(1);
    cr_assert_eq(segments, 1);
    device_works(1);
    cr_assert_eq(segments, 0);
    struct client next = attach(4);
    cr_assert_eq(do_request(&next, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1}), ERR_OK);
}

Test(virtio_blk, ring_that_makes_no_sense_ends_its_session_only)
{
    open_disk();
    struct client bad = attach(3), good = attach(4);
    submit(&bad, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1});
    bad.ring.shared->submit_head = 1000;
    blk_run();
    cr_assert_str_eq(stub_log, "client 3: its ring of requests makes no sense; session ended\n");
    cr_assert_eq(freed_slot, NOTIFY + 3);
    blk_run();
    cr_assert_eq(stub_lines, 1);
    cr_assert_eq(segments, 2, "its request is under way");
    device_works(1);
    cr_assert_eq(segments, 1);
    cr_assert_eq(do_request(&good, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1}), ERR_OK);
}

Test(virtio_blk, misbehaving_device_is_reset_and_works_again)
{
    open_disk();
    struct client client = attach(3);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1});
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 512, 9, 2});
    model->bad_id = true;
    device_works(1);
    cr_assert_str_eq(stub_log,
                     "virtio_mmio@10008000: it finished a request that it was not given; resetting it, "
                     "requests that fail: 2\n");
    cr_assert_eq(complete(&client).status, ERR_IO);
    cr_assert_eq(complete(&client).status, ERR_IO);
    cr_assert_eq(model->resets, 3, "once at the start, once to stop it, once to start it");
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 3}), ERR_OK);
    cr_assert_eq(client.data[0], 9);
}

Test(virtio_blk, device_that_asks_for_a_reset_gets_one)
{
    open_disk();
    struct client client = attach(3);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1});
    model->status |= VIRTIO_NEEDS_RESET;
    model->interrupt = VIRTIO_INTERRUPT_CONFIG;
    disk_interrupt(&disk);
    blk_run();
    cr_assert_eq(complete(&client).status, ERR_IO);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 3}), ERR_OK);
}

Test(virtio_blk, device_that_cannot_be_stopped_is_given_up)
{
    open_disk();
    struct client client = attach(3);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 1});
    model->never_resets = true;
    model->bad_length = true;
    device_works(1);
    cr_assert(disk.unit.failed);
    cr_assert_eq(complete(&client).status, ERR_IO);
    submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, 2});
    cr_assert_eq(complete(&client).status, ERR_IO);
    blk_session_end_all(3);
    cr_assert_eq(segments, 1, "the device may still write to it");
}

Test(virtio_blk, device_that_misbehaves_again_and_again_is_given_up)
{
    open_disk();
    struct client client = attach(3);
    for (unsigned i = 0; !disk.unit.failed; i++) {
        cr_assert_leq(i, DISK_MAX_RESETS);
        submit(&client, (struct ring_request){BLK_OP_READ, 512, 0, 9, i});
        model->bad_index = true;
        device_works(1);
        cr_assert_eq(complete(&client).status, ERR_IO);
    }
    cr_assert_not_null(strstr(stub_log, "virtio_mmio@10008000: given up\n"));
}

Test(virtio_blk, resized_disk)
{
    open_disk();
    struct client client = attach(3);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 40, 1}), ERR_OK);
    model->config[0] = 32;
    model->interrupt = VIRTIO_INTERRUPT_CONFIG;
    disk_interrupt(&disk);
    cr_assert_eq(disk.unit.sectors, 32);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 512, 0, 40, 1}), ERR_BAD_ARG);
}
