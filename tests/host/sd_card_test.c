/* SPDX-License-Identifier: MIT */
/*
 * The SD card's driver on a model of controller and card: every kind of card, and everything that a card can
 * get wrong. Nothing waits for ever, nothing that is wrong is given out as data, and no write is said to be
 * done that is not on the card.
 */
// sources: user/sd-spi/card.c user/sd-spi/sd.c user/sd-spi/spi.c user/sd-spi/crc.c lib/driver/mmio.c
#include "sd_model.h"

#define LONGEST 20000000 /* microseconds that any call may take */

static struct mmio regs;
static struct spi spi;
static struct card card;
static uint8_t buffer[CARD_MAX_SECTORS * SD_BLOCK];

static void set_up(void)
{
    stub_log_clear();
    model_clock = 1000;
    model_insert(true, true, 1);
    regs = (struct mmio){.access = &model_access, .length = 0x1000, .name = "spi"};
    cr_assert_eq(spi_open(&spi, &regs, MODEL_INPUT_HZ, 0), ERR_OK);
    card = (struct card){.sd = {.spi = &spi, .time = &model_time},
                         .name = "mmc@0",
                         .max_hz = 20000000,
                         .voltages = card_voltages(3300, 3300)};
}

static void tear_down(void)
{
    free(model.disk);
}

TestSuite(sd_card, .init = set_up, .fini = tear_down, .timeout = 60);

/* Runs a call and checks how long it took. */
#define TIMED(call)                                                                                          \
    ({                                                                                                       \
        uint64_t began = model_clock;                                                                        \
        enum error error = call;                                                                             \
        cr_assert_lt(model_clock - began, LONGEST, "took %lu us", (unsigned long)(model_clock - began));     \
        error;                                                                                               \
    })

static void start(void)
{
    enum error error = TIMED(card_start(&card));

    cr_assert_eq(error, ERR_OK, "%s: %s", error_text(error), card.sd.trouble);
}

static enum error read_sectors(uint64_t sector, uint32_t count)
{
    memset(buffer, 0xee, sizeof(buffer));
    return TIMED(card_read(&card, sector, count, buffer));
}

static bool is_right(uint64_t sector, uint32_t count)
{
    return memcmp(buffer, model.disk + sector * SD_BLOCK, (size_t)count * SD_BLOCK) == 0;
}

static void expect_read(uint64_t sector, uint32_t count)
{
    cr_assert_eq(read_sectors(sector, count), ERR_OK, "%s", card.sd.trouble);
    cr_assert(is_right(sector, count));
}

static enum error write_sectors(uint64_t sector, uint32_t count, uint8_t seed)
{
    for (size_t i = 0; i < (size_t)count * SD_BLOCK; i++)
        buffer[i] = (uint8_t)(i * 5 + i / SD_BLOCK + seed);
    return TIMED(card_write(&card, sector, count, buffer));
}

/* --- Checksums and clocks --- */

Test(sd_card, checksums)
{
    const uint8_t reset[] = {0x40, 0, 0, 0, 0}, interface[] = {0x48, 0, 0, 1, 0xaa};
    uint8_t ones[512];

    memset(ones, 0xff, sizeof(ones));
    cr_assert_eq(crc7(reset, 5), 0x4a);
    cr_assert_eq(crc7(interface, 5), 0x43);
    cr_assert_eq(crc16(ones, sizeof(ones)), 0x7fa1);
    cr_assert_eq(crc16((const uint8_t *)"123456789", 9), 0x31c3);
}

Test(sd_card, clock_is_never_faster_than_asked)
{
    for (uint64_t hz = 100000; hz < 70000000; hz += 333333) {
        uint64_t got = spi_set_clock(&spi, hz);
        cr_assert_leq(got, hz);
        cr_assert_eq(got, MODEL_INPUT_HZ / (2 * (model.sckdiv + 1)));
        cr_assert(model.sckdiv == 0 || MODEL_INPUT_HZ > 2 * model.sckdiv * hz, "it could be faster");
    }
    spi.input_hz = 0;
    cr_assert_eq(spi_set_clock(&spi, 20000000), 0, "not known");
    cr_assert_geq(model.sckdiv, 24, "slow enough for 1 GHz");
}

Test(sd_card, controllers_that_are_none)
{
    struct mmio small = {.access = &model_access, .length = 0x40, .name = "small"};
    struct spi other;

    cr_assert_eq(spi_open(&other, &small, 1, 0), ERR_NO_DEVICE);
    cr_assert_eq(spi_open(&other, &regs, 1, 32), ERR_NO_DEVICE);
    cr_assert_eq(spi_open(&other, &regs, 1, 9), ERR_NO_DEVICE, "it has four chip selects");
    model.stuck = true;
    cr_assert_eq(card_start(&card), ERR_IO);
    cr_assert_str_eq(card.sd.trouble, "the SPI controller does not move");
}

/* --- Kinds of cards --- */

Test(sd_card, kinds)
{
    static const struct {
        bool version2, high_capacity;
    } kinds[] = {{false, false}, {true, false}, {true, true}};

    for (size_t i = 0; i < 3; i++) {
        char product[6];
        model_insert(kinds[i].version2, kinds[i].high_capacity, (uint8_t)i);
        start();
        cr_assert_eq(card.sectors, MODEL_SECTORS);
        cr_assert_eq(card.high_capacity, kinds[i].high_capacity);
        cr_assert_not(card.read_only);
        cr_assert_leq(card.hz, 20000000);
        cr_assert_geq(card.hz, 13000000);
        card_product(&card, product);
        cr_assert_str_eq(product, "MODEL");
        expect_read(0, 1);
        expect_read(MODEL_SECTORS - 1, 1);
        expect_read(17, 40);
        cr_assert_eq(write_sectors(MODEL_SECTORS - 3, 3, 9), ERR_OK);
        cr_assert(is_right(MODEL_SECTORS - 3, 3));
        cr_assert_eq(write_sectors(5, 1, 77), ERR_OK);
        cr_assert(is_right(5, 1));
        expect_read(4, 3);
    }
    cr_assert_eq(stub_lines, 0);
}

/* Responses come up to 16 bytes late, and anything some bits late. */
Test(sd_card, late)
{
    for (unsigned bits = 0; bits < 8; bits++) {
        for (unsigned bytes = 0; bytes < 16; bytes += 5) {
            stub_log_clear();
            model_insert(true, bits % 2 == 0, 1);
            model.late_bits = bits;
            model.late_bytes = bytes;
            start();
            cr_assert_eq(card.sectors, MODEL_SECTORS);
            cr_assert(!read_sectors(10, 3) && is_right(10, 3), "%u bits, %u bytes", bits, bytes);
            cr_assert(!read_sectors(7, 1) && is_right(7, 1));
            for (unsigned count = 1; count < 3; count++) {
                memset(buffer, 0x40 + (int)bits, sizeof(buffer));
                cr_assert_eq(TIMED(card_write(&card, 20, count, buffer)), ERR_OK);
                cr_assert_eq(memcmp(model.disk + 20 * SD_BLOCK, buffer, count * SD_BLOCK), 0);
            }
            model.write_errors = 1;
            cr_assert_eq(TIMED(card_write(&card, 30, 1, buffer)), ERR_OK);
            cr_assert_eq(stub_lines, 1, "%u bits, %u bytes: %s", bits, bytes, stub_log);
        }
    }
}

Test(sd_card, slow_until_it_is_ready)
{
    model.starts = 50;
    uint64_t before = model_clock;
    start();
    cr_assert_eq(model.commands[SD_APP_SEND_OP_COND], 51);
    cr_assert_geq(model_clock - before, 50 * 5000, "it rests between two questions");
}

Test(sd_card, write_protected)
{
    model.write_protect = true;
    start();
    cr_assert(card.read_only);
}

Test(sd_card, what_is_no_card_for_this_slot)
{
    model.mmc = true;
    cr_assert_eq(TIMED(card_start(&card)), ERR_UNSUPPORTED);
    cr_assert_str_eq(card.sd.trouble, "not an SD memory card");
    model_insert(true, true, 1);
    model.voltages = 1 << 15;
    cr_assert_eq(TIMED(card_start(&card)), ERR_UNSUPPORTED);
    cr_assert_str_eq(card.sd.trouble, "the card does not take the slot's voltage");
}

Test(sd_card, voltages)
{
    cr_assert_eq(card_voltages(3300, 3300), 1u << 20 | 1u << 21);
    cr_assert_eq(card_voltages(2700, 3600), 0xff8000);
    cr_assert_eq(card_voltages(1800, 1800), 0);
}

Test(sd_card, never_ready)
{
    model.starts = FOREVER;
    cr_assert_eq(TIMED(card_start(&card)), ERR_TIMED_OUT);
    cr_assert_str_eq(card.sd.trouble, "the card does not get ready");
}

/* --- No card --- */

Test(sd_card, empty_slot)
{
    model.present = false;
    cr_assert_not(card_answers(&card));
    cr_assert_lt(model.bytes, 64, "looking costs little");
    cr_assert_eq(TIMED(card_start(&card)), ERR_NO_DEVICE);
    cr_assert_str_eq(card.sd.trouble, "no card");
    model.present = true;
    cr_assert(card_answers(&card));
    start();
}

Test(sd_card, data_line_at_ground)
{
    model.low = true;
    cr_assert_not(card_answers(&card));
    cr_assert_eq(TIMED(card_start(&card)), ERR_NO_DEVICE);
}

Test(sd_card, noise)
{
    start();
    model.garbage = true;
    for (unsigned seed = 0; seed < 200; seed++) {
        model.random = seed;
        cr_assert_neq(read_sectors(seed, 1 + seed % 3), ERR_OK);
        cr_assert_neq(TIMED(card_start(&card)), ERR_OK);
        card.sectors = MODEL_SECTORS;
    }
    model.garbage = false;
    start();
    expect_read(3, 3);
}

/* --- States that somebody left the card in --- */

Test(sd_card, reset_is_refused_at_first)
{
    model.reject_resets = 2;
    start();
}

Test(sd_card, driver_that_died_while_reading)
{
    uint8_t r1;

    for (unsigned bytes = 0; bytes < 1100; bytes += 13) {
        start();
        sd_begin(&card.sd);
        cr_assert_eq(sd_expect(&card.sd, SD_READ_MULTIPLE_BLOCK, 7, &r1), ERR_OK);
        cr_assert_eq(sd_receive(&card.sd, buffer, bytes), ERR_OK);
    }
    start();
    expect_read(0, 4);
}

Test(sd_card, driver_that_died_while_writing)
{
    uint8_t r1;

    start();
    for (unsigned bytes = 0; bytes < 520; bytes += 13) {
        uint8_t data[520] = {SD_TOKEN_MULTI_WRITE};
        sd_begin(&card.sd);
        cr_assert_eq(sd_expect(&card.sd, SD_WRITE_MULTIPLE_BLOCK, 7, &r1), ERR_OK);
        cr_assert_eq(spi_transfer(&spi, data, NULL, bytes), ERR_OK);
        start();
        expect_read(0, 9); /* what was there: the checksum of half a block is wrong */
    }
    cr_assert_eq(model.disk[7 * SD_BLOCK], (uint8_t)(7 * 7 + 1));
}

/* --- Errors --- */

Test(sd_card, errors_that_pass_are_not_noticed)
{
    uint32_t *const faults[] = {&model.bad_reads, &model.error_tokens, &model.no_data};

    start();
    for (size_t i = 0; i < 3; i++) {
        *faults[i] = 1;
        expect_read(100, 1);
        *faults[i] = 1;
        expect_read(200, 8);
    }
    uint32_t *const write_faults[] = {&model.write_errors, &model.crc_errors, &model.status_errors};
    for (size_t i = 0; i < 3; i++) {
        *write_faults[i] = 1;
        cr_assert_eq(write_sectors(300, 1, (uint8_t)i), ERR_OK);
        cr_assert(is_right(300, 1));
        *write_faults[i] = 1;
        cr_assert_eq(write_sectors(400, 5, (uint8_t)i), ERR_OK);
        cr_assert(is_right(400, 5));
    }
    cr_assert_eq(stub_lines, 12, "but each is in the log");
    cr_assert(
        strstr(stub_log, "mmc@0: reading at sector 100: data arrived damaged; starting the card anew\n"));
    cr_assert(strstr(stub_log, "writing at sector 300: the card cannot write a sector"));
}

Test(sd_card, errors_that_stay_reach_the_caller)
{
    start();
    model.bad_reads = FOREVER;
    cr_assert_eq(read_sectors(0, 1), ERR_IO);
    cr_assert_eq(read_sectors(0, 9), ERR_IO);
    model.bad_reads = 0;
    model.write_errors = FOREVER;
    cr_assert_eq(write_sectors(0, 1, 1), ERR_IO);
    cr_assert_eq(write_sectors(0, 9, 1), ERR_IO);
    model.write_errors = 0;
    model.status_errors = FOREVER;
    cr_assert_eq(write_sectors(0, 9, 1), ERR_IO);
    model.status_errors = 0;
    expect_read(0, 9);
    model.error_tokens = FOREVER;
    cr_assert_eq(TIMED(card_read(&card, 3, 1, buffer)), ERR_NO_DEVICE, "not even its registers can be read");
}

Test(sd_card, log_is_not_drowned)
{
    start();
    model.bad_reads = FOREVER;
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(read_sectors(0, 1), ERR_IO);
    cr_assert_eq(stub_lines, 32);
}

Test(sd_card, busy_for_ever)
{
    start();
    model.busy_after_write = UINT64_MAX / 2;
    cr_assert_eq(write_sectors(0, 1, 1), ERR_NO_DEVICE);
    cr_assert_not(card_answers(&card));
}

Test(sd_card, busy_for_long_is_no_error)
{
    start();
    model.busy_after_write = 3000000; /* as some SDHC cards are */
    cr_assert_eq(write_sectors(0, 2, 1), ERR_OK);
    cr_assert(is_right(0, 2));
    cr_assert_eq(stub_lines, 0);
}

/* --- Cards that go --- */

Test(sd_card, pulled_at_any_moment)
{
    for (unsigned after = 0; after < 3000; after += 7) {
        model_insert(true, true, 1);
        start();
        model.pulled_after = after;
        enum error error = after % 2 == 0 ? read_sectors(7, 3) : write_sectors(7, 3, 4);
        if (!error)
            cr_assert(is_right(7, 3), "it was done before");
        else
            cr_assert_eq(error, ERR_NO_DEVICE);
        cr_assert_eq(card_answers(&card), model.present);
    }
}

Test(sd_card, another_card_is_not_mistaken_for_the_first)
{
    start();
    model_insert(true, true, 2); /* idle: it refuses to read, and is started */
    cr_assert_eq(read_sectors(0, 1), ERR_NO_DEVICE);
    cr_assert_str_eq(card.sd.trouble, "another card");
    start();
    expect_read(0, 1);
}

Test(sd_card, whether_it_is_there_is_found_out_at_little_cost)
{
    start();
    uint64_t before = model.bytes;
    cr_assert(card_is_ready(&card));
    cr_assert_lt(model.bytes - before, 32);
    model.present = false;
    cr_assert_not(card_is_ready(&card));
    cr_assert_lt(model.bytes - before, 64);
    model_insert(true, true, 2);
    cr_assert_not(card_is_ready(&card), "another one");
}

Test(sd_card, same_card_that_lost_power_goes_on)
{
    start();
    reset_card();
    expect_read(0, 2);
}

/* --- A bad connection --- */

Test(sd_card, what_is_said_to_be_done_is_done_on_a_bad_connection)
{
    unsigned good = 0, bad = 0;

    for (unsigned seed = 0; seed < 400; seed++) {
        model_insert(seed % 3 != 0, seed % 3 == 1, (uint8_t)seed);
        model.flip_every = 200u << seed % 6;
        model.random = seed;
        if (TIMED(card_start(&card))) {
            bad++;
            continue;
        }
        uint32_t sector = seed * 2, count = 1 + seed % 5;
        enum error error =
            seed & 1 ? read_sectors(sector, count) : write_sectors(sector, count, (uint8_t)seed);
        cr_assert(error || is_right(sector, count), "seed %u", seed);
        good += !error;
        bad += error;
    }
    cr_assert_gt(good, 100);
    cr_assert_gt(bad, 20);
}
