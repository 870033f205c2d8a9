/* SPDX-License-Identifier: MIT */
/* The virtio library against a model of a device: handshake, features, queues, and devices that are no good.
 */
// sources: lib/driver/mmio.c lib/driver/virtio_mmio.c lib/driver/virtqueue.c lib/driver/cache.c
#include "rt_stub.h"
#include "virtio_model.h"

static const struct cache coherent;
static struct model *model;
static struct virtio virtio;
static struct virtqueue queue;
static void *memory;

static void set_up(void)
{
    stub_log_clear();
    model = model_new(64);
    memory = calloc(1, virtqueue_bytes(VIRTQUEUE_MAX_SIZE));
}

static void tear_down(void)
{
    model_free(model);
    free(memory);
}

TestSuite(virtio, .init = set_up, .fini = tear_down, .timeout = 30);

static enum error start(uint32_t size)
{
    enum error error = virtio_open(&virtio, &model->regs, &coherent, 2);

    if (!error)
        error = virtio_negotiate(&virtio, 1 << 9, 0);
    if (!error)
        error = virtio_queue(&virtio, &queue, 0, size, memory, (uint64_t)memory);
    if (!error)
        virtio_start(&virtio);
    return error;
}

Test(virtio, handshake)
{
    model->status = 0x0f; /* as a driver before left it */
    cr_assert_eq(start(8), ERR_OK);
    cr_assert_eq(model->resets, 1);
    cr_assert_eq(model->status, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
    cr_assert_eq(model->accepted, VIRTIO_F_VERSION_1 | 1 << 9);
    cr_assert_eq(virtio.features, model->accepted);
    cr_assert_eq(model->queue[0].size, 8);
    cr_assert_eq(model->queue[0].ready, 1);
    cr_assert_eq(model->queue[0].address[0], (uint64_t)memory);
    cr_assert_eq(model->queue[0].address[1], (uint64_t)memory + 8 * 16);
    cr_assert_eq(model->queue[0].address[2] % 4, 0);
    cr_assert_geq(model->queue[0].address[2], model->queue[0].address[1] + 4 + 8 * 2);
    cr_assert_eq(stub_lines, 0);
}

Test(virtio, takes_no_feature_that_is_not_offered)
{
    model->offered = VIRTIO_F_VERSION_1 | 1 << 5;
    cr_assert_eq(start(8), ERR_OK);
    cr_assert_eq(model->accepted, VIRTIO_F_VERSION_1);
}

Test(virtio, legacy_device_is_refused_with_the_cure)
{
    model->version = 1;
    cr_assert_eq(start(8), ERR_UNSUPPORTED);
    cr_assert_str_eq(stub_log, "virtio,mmio at virtio_mmio@10008000: legacy device; start QEMU with "
                               "-global virtio-mmio.force-legacy=false\n");
    cr_assert_eq(model->resets, 0);
}

Test(virtio, other_devices_are_refused)
{
    model->device_id = 1;
    cr_assert_eq(start(8), ERR_NO_DEVICE);
    model->device_id = 2;
    model->magic = 0;
    cr_assert_eq(start(8), ERR_NO_DEVICE);
    model->magic = VIRTIO_MAGIC;
    model->version = 3;
    cr_assert_eq(start(8), ERR_UNSUPPORTED);
    cr_assert_eq(stub_lines, 3);
}

Test(virtio, device_that_stays_in_reset)
{
    model->status = VIRTIO_FAILED;
    model->never_resets = true;
    cr_assert_eq(start(8), ERR_IO);
    cr_assert_str_eq(stub_log, "virtio_mmio@10008000: does not come out of reset\n");
}

Test(virtio, features_that_are_missing_or_refused)
{
    model->offered = 1 << 9;
    cr_assert_eq(start(8), ERR_UNSUPPORTED);
    cr_assert_str_eq(stub_log, "virtio_mmio@10008000: lacks features 0x100000000\n");
    cr_assert(model->status & VIRTIO_FAILED);
    model->offered = VIRTIO_F_VERSION_1;
    model->refuses_features = true;
    cr_assert_eq(start(8), ERR_UNSUPPORTED);
    cr_assert(model->status & VIRTIO_FAILED);
}

Test(virtio, queue_is_no_larger_than_the_device_allows)
{
    model->queue_max = 4;
    cr_assert_eq(start(128), ERR_OK);
    cr_assert_eq(model->queue[0].size, 4);
    cr_assert_eq(queue.size, 4);
    model->queue_max = 0;
    cr_assert_eq(start(128), ERR_NO_DEVICE);
}

Test(virtio, configuration_is_read_whole)
{
    cr_assert_eq(start(8), ERR_OK);
    model->config[0] = 0x4ffffffff;
    model->torn_config = true;
    cr_assert_eq(virtio_config64(&virtio, 0), 0x500000001);
}

Test(virtio, interrupt_is_told_and_taken_back)
{
    cr_assert_eq(start(8), ERR_OK);
    model->interrupt = VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG;
    cr_assert_eq(virtio_interrupt(&virtio), VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG);
    cr_assert_eq(model->interrupt, 0);
    cr_assert_not(virtio_needs_reset(&virtio));
    model->status |= VIRTIO_NEEDS_RESET;
    cr_assert(virtio_needs_reset(&virtio));
}

/* --- Queues: requests that read a sector --- */

struct request {
    uint32_t type, reserved;
    uint64_t sector;
    uint8_t data[MODEL_SECTOR];
    uint8_t status;
};

static bool add_request(struct request *request, uint64_t sector, uint32_t token)
{
    struct virtqueue_buffer buffer[] = {
        {(uint64_t)request, 16, false},
        {(uint64_t)request->data, MODEL_SECTOR, true},
        {(uint64_t)&request->status, 1, true},
    };

    *request = (struct request){.sector = sector, .status = 0xff};
    return virtqueue_add(&queue, buffer, 3, token);
}

Test(virtio, requests_go_there_and_back)
{
    static struct request request[4];
    uint32_t token, length;

    cr_assert_eq(start(16), ERR_OK);
    for (uint32_t round = 0; round < 100; round++) { /* around the rings several times */
        for (uint32_t i = 0; i < 4; i++)
            cr_assert(add_request(&request[i], (round + i) % 64, 10 + i));
        cr_assert_eq(model_waiting(&model->queue[0]), 0, "nothing is seen before it is published");
        virtio_kick(&virtio, &queue);
        cr_assert_eq(model_waiting(&model->queue[0]), 4);
        cr_assert_eq(model_run(model, 4, true), 4);
        for (uint32_t i = 0; i < 4; i++) {
            cr_assert(virtqueue_take(&queue, &token, &length));
            cr_assert_eq(token, 13 - i, "finished in the order in which the device did them");
            cr_assert_eq(length, MODEL_SECTOR + 1);
            cr_assert_eq(request[token - 10].status, 0);
            cr_assert_eq(request[token - 10].data[511], (round + token - 10) % 64);
        }
        cr_assert_not(virtqueue_take(&queue, &token, &length));
    }
    cr_assert_eq(model->notified, 100);
    cr_assert_eq(queue.free_count, 16);
    cr_assert_null(queue.fault);
}

Test(virtio, full_queue_takes_no_more)
{
    static struct request request[6];
    uint32_t token, length;

    cr_assert_eq(start(16), ERR_OK);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert(add_request(&request[i], i, i));
    cr_assert_not(add_request(&request[5], 5, 5), "one descriptor is free, three are needed");
    virtio_kick(&virtio, &queue);
    model_run(model, 1, false);
    cr_assert(virtqueue_take(&queue, &token, &length));
    cr_assert(add_request(&request[5], 5, 5));
    virtio_kick(&virtio, &queue);
    cr_assert_eq(model_run(model, 9, false), 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert(virtqueue_take(&queue, &token, &length));
    cr_assert_eq(request[5].data[0], 5);
}

Test(virtio, device_is_told_only_when_it_wants_to_be)
{
    static struct request request[2];

    cr_assert_eq(start(16), ERR_OK);
    virtio_kick(&virtio, &queue);
    cr_assert_eq(model->notified, 0, "there is nothing to tell");
    model_used(&model->queue[0])->flags = VIRTQ_USED_NO_NOTIFY;
    add_request(&request[0], 0, 0);
    virtio_kick(&virtio, &queue);
    cr_assert_eq(model->notified, 0);
    cr_assert_eq(model_waiting(&model->queue[0]), 1, "told or not, it is there");
    model_used(&model->queue[0])->flags = 0;
    add_request(&request[1], 0, 1);
    virtio_kick(&virtio, &queue);
    cr_assert_eq(model->notified, 1);
}

Test(virtio, interrupts_are_switched_without_losing_one)
{
    static struct request request[2];
    uint32_t token, length;

    cr_assert_eq(start(16), ERR_OK);
    add_request(&request[0], 0, 0);
    add_request(&request[1], 1, 1);
    virtio_kick(&virtio, &queue);
    virtqueue_want_interrupts(&queue, false);
    model_run(model, 1, false);
    cr_assert_eq(model->interrupt, 0);
    cr_assert(virtqueue_want_interrupts(&queue, true), "one was finished meanwhile");
    cr_assert(virtqueue_take(&queue, &token, &length));
    cr_assert_not(virtqueue_want_interrupts(&queue, true));
    model_run(model, 1, false);
    cr_assert_eq(model->interrupt, VIRTIO_INTERRUPT_QUEUE);
}

static void expect_fault(const char *what)
{
    uint32_t token = 77, length;

    while (virtqueue_take(&queue, &token, &length))
        continue;
    cr_assert_not_null(queue.fault);
    cr_assert_str_eq(queue.fault, what);
    cr_assert_not(virtqueue_take(&queue, &token, &length), "nothing is believed any more");
}

static void start_two_requests(void)
{
    static struct request request[2];

    cr_assert_eq(start(16), ERR_OK);
    add_request(&request[0], 0, 0);
    add_request(&request[1], 1, 1);
    virtio_kick(&virtio, &queue);
}

Test(virtio, device_names_a_descriptor_that_is_not_there)
{
    start_two_requests();
    model->bad_id = true;
    model_run(model, 1, false);
    expect_fault("it finished a request that it was not given");
}

Test(virtio, device_finishes_a_request_twice)
{
    start_two_requests();
    model_run(model, 1, false);
    model->repeat_id = true;
    model_run(model, 1, false);
    expect_fault("it finished a request that it was not given");
}

Test(virtio, device_finishes_the_middle_of_a_chain)
{
    start_two_requests();
    model_used(&model->queue[0])->ring[0] = (struct virtq_used_element){1, 1};
    model_used(&model->queue[0])->index = 1;
    expect_fault("it finished a request that it was not given");
}

Test(virtio, device_says_that_it_wrote_too_much)
{
    start_two_requests();
    model->bad_length = true;
    model_run(model, 1, false);
    expect_fault("it wrote more than it was let");
}

Test(virtio, device_counts_wrong)
{
    start_two_requests();
    model->bad_index = true;
    model_run(model, 1, false);
    expect_fault("it finished more requests than it was given");
}
