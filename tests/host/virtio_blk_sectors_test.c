/* SPDX-License-Identifier: MIT */
/* Disks whose own sectors are larger than 512 bytes, or of sizes that make no sense. */
// sources: user/virtio-blk/*.c !user/virtio-blk/main.c lib/driver/mmio.c lib/driver/virtio_mmio.c
// sources: lib/driver/virtqueue.c lib/driver/blk_server.c lib/driver/cache.c
#include "virtio_blk_world.h"

TestSuite(virtio_blk_sectors, .init = set_up, .fini = tear_down, .timeout = 30);

/* A disk with its own sectors of that size. */
static void set_block(uint32_t bytes)
{
    model->offered |= 1 << 6;
    model->block_bytes = bytes;
    model->config[2] = (uint64_t)bytes << 32;
}

Test(virtio_blk_sectors, disk_with_larger_sectors_gets_whole_ones)
{
    static const struct ring_request bad[] = {
        {BLK_OP_READ, 512, 0, 0, 1},   {BLK_OP_READ, 4096, 0, 1, 1},  {BLK_OP_READ, 4096, 0, 4, 1},
        {BLK_OP_READ, 6144, 0, 8, 1},  {BLK_OP_WRITE, 512, 0, 8, 1}, {BLK_OP_WRITE, 4096, 0, 7, 1},
        {BLK_OP_READ, 4096, 0, 64, 1},
    };

    set_block(4096);
    model->config[0] = SECTORS + 7; /* the last sector of its own is not whole */
    open_disk();
    cr_assert_eq(disk.unit.block_bytes, 4096);
    cr_assert_eq(disk.unit.sectors, SECTORS);
    struct client client = attach(3);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(do_request(&client, bad[i]), ERR_BAD_ARG, "request %zu", i);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_READ, 8192, 512, 40, 1}), ERR_OK);
    cr_assert(client.data[512] == 40 && client.data[512 + 8191] == 55);
    memset(client.data, 0x77, 4096);
    cr_assert_eq(do_request(&client, (struct ring_request){BLK_OP_WRITE, 4096, 0, 8, 2}), ERR_OK);
    cr_assert(model->disk[8 * 512 - 1] == 7 && model->disk[8 * 512] == 0x77 && model->disk[16 * 512] == 16);
}

Test(virtio_blk_sectors, odd_sizes_of_sectors)
{
    static const uint32_t odd[] = {0, 1, 256, 511, 513, 520, 4095, 4097, 131072, 1u << 31, UINT32_MAX};
    char line[96];

    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        set_block(odd[i]);
        stub_log_clear();
        cr_expect_eq(disk_open(&disk, "virtio_mmio@10008000", &model->regs, &coherent, disk_memory,
                               (uint64_t)disk_memory),
                     ERR_UNSUPPORTED);
        snprintf(line, sizeof(line), "virtio_mmio@10008000: has sectors of %u bytes", odd[i]);
        cr_expect_not_null(strstr(stub_log, line), "%s", stub_log);
        cr_expect(model->status & 0x80, "it was told that it is not used");
    }
    /* What is in the place of the size means nothing when the disk does not offer it. */
    model->offered &= ~(1ull << 6);
    open_disk();
    cr_assert_eq(disk.unit.block_bytes, 512);
}

Test(virtio_blk_sectors, pieces_smaller_than_a_sector_are_no_use)
{
    set_block(4096);
    model->offered |= 1 << 1;
    model->config[1] = 4095;
    cr_assert_eq(disk_open(&disk, "virtio_mmio@10008000", &model->regs, &coherent, disk_memory,
                           (uint64_t)disk_memory),
                 ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(stub_log, "takes no more than 4095 bytes in one piece"));
}
