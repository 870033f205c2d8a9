/* SPDX-License-Identifier: MIT */
/* The SD card driver: one process for all slots ("mmc-spi-slot") on SPI controllers. */
#include "card.h"

#include <driver/blk_server.h>
#include <driver/device.h>
#include <string.h>

#define MAX_SLOTS  4
#define QUEUE      8 /* requests that wait for the card of a slot */
#define SLOWEST_HZ 400000
#define POLL_US    1000000 /* from one look for a card to the next */
#define COMPATIBLE "sifive,spi0"

/* Bits of the notification; those from BLK_DOORBELL on are doorbells. */
enum { BIT_WORK = 1, BIT_POLL = 2 };

static struct slot {
    struct blk_unit unit; /* first: what the block server gives back is the slot */
    struct device device;
    struct mmio regs;
    struct spi spi;
    struct card card;
    bool switch_unknown; /* it has a write protect switch, which nobody here can read */
    bool listed;         /* clients know of it: it has or had a card */
    const char *told;    /* trouble that was logged last */
    struct blk_request queue[QUEUE];
    unsigned first, count;
} slots[MAX_SLOTS];
static unsigned slot_count;

static cap_t work_signal, poll_timer, poll_signal;
static cap_t sleep_notification, sleep_timer, sleep_signal; /* for pauses within a request */

/* --- Time --- */

static uint64_t now(void)
{
    uint64_t ticks = rt_ticks(), rate = rt_start->timebase;

    return ticks / rate * 1000000 + ticks % rate * 1000000 / rate;
}

static void sleep_for(uint64_t us)
{
    if (!timer_set(sleep_timer, sleep_signal, rt_ticks() + rt_ticks_of_us(us), 0))
        notification_wait(sleep_notification);
}

static const struct sd_time card_time = {now, sleep_for};

/* --- Requests --- */

static bool has_room(const struct blk_unit *unit)
{
    return ((const struct slot *)unit)->count < QUEUE;
}

static void submit(struct blk_unit *unit, const struct blk_request *request)
{
    struct slot *slot = (struct slot *)unit;

    slot->queue[(slot->first + slot->count++) % QUEUE] = *request;
}

/* The card is gone: so are the sessions with it. */
static void lose_card(struct slot *slot)
{
    rt_log("%s: the card is gone (%s)", slot->unit.name, slot->card.sd.trouble);
    slot->unit.failed = ERR_NO_DEVICE;
    slot->unit.medium++;
    slot->unit.sectors = 0;
    slot->told = NULL;
    timer_set(poll_timer, poll_signal, rt_ticks() + rt_ticks_of_us(POLL_US), 0);
}

/* A write is on the card when it is done, so what a flush asks for has happened. */
static enum error transfer(struct card *card, const struct blk_request *request)
{
    uint32_t count = request->length / BLK_SECTOR;

    switch (request->op) {
    case BLK_OP_READ: return card_read(card, request->sector, count, request->data);
    case BLK_OP_WRITE: return card_write(card, request->sector, count, request->data);
    default: return ERR_OK;
    }
}

/* What waited for a card that is gone meanwhile was not for the one that may be there now. */
static enum error perform(struct slot *slot, const struct blk_request *request)
{
    if (slot->unit.failed || request->session->medium != slot->unit.medium)
        return ERR_NO_DEVICE;
    enum error error = transfer(&slot->card, request);
    if (error == ERR_NO_DEVICE)
        lose_card(slot);
    return error;
}

static void work(struct slot *slot)
{
    const struct blk_request request = slot->queue[slot->first];
    enum error status = perform(slot, &request);

    slot->first = (slot->first + 1) % QUEUE;
    slot->count--;
    blk_finished(request.session, request.cookie, status, !status ? request.length : 0);
}

/* --- Cards that come --- */

static void take_card(struct slot *slot)
{
    struct card *card = &slot->card;
    char product[6];

    slot->unit.sectors = card->sectors;
    slot->unit.read_only = card->read_only || slot->switch_unknown;
    slot->unit.failed = ERR_OK;
    if (!slot->listed)
        slot->listed = blk_add_unit(&slot->unit);
    card_product(card, product);
    rt_log("%s: %s card \"%s\", %llu sectors, %llu kHz%s", slot->unit.name,
           card->high_capacity ? "SDHC" : "SDSC", product, (unsigned long long)card->sectors,
           (unsigned long long)card->hz / 1000, slot->unit.read_only ? ", read-only" : "");
}

/* Starts the card in the slot, if there is one. Says what is wrong once, not every time. */
static void look_for_card(struct slot *slot)
{
    enum error error = card_start(&slot->card);

    if (!error) {
        take_card(slot);
        return;
    }
    slot->unit.failed = ERR_NO_DEVICE;
    if (slot->told != slot->card.sd.trouble) {
        slot->told = slot->card.sd.trouble;
        rt_log("%s: %s", slot->unit.name, slot->told);
    }
}

/* A card that was taken out while nobody used it is noticed here, and so is one that was put in since. */
static void look(struct blk_unit *unit)
{
    struct slot *slot = (struct slot *)unit;

    if (!unit->failed && !card_is_ready(&slot->card))
        lose_card(slot);
    if (unit->failed && card_answers(&slot->card))
        look_for_card(slot);
}

static const struct blk_driver slot_driver = {.has_room = has_room, .submit = submit, .look = look};

static void poll(void)
{
    bool again = false;

    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].unit.failed)
            look(&slots[i].unit);
        again |= slots[i].unit.failed;
    }
    if (again)
        timer_set(poll_timer, poll_signal, rt_ticks() + rt_ticks_of_us(POLL_US), 0);
}

/* One request of each slot at a time, so that clients are told of it and others are heard. */
static void signalled(uint64_t bits)
{
    bool more = false;

    if (bits & BIT_POLL)
        poll();
    blk_run();
    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].count > 0) {
            work(&slots[i]);
            more = true;
        }
    }
    if (more) {
        blk_run();
        notification_signal(work_signal);
    }
}

/* --- Set-up --- */

static bool is_known_controller(const struct device *device)
{
    char names[DEVICE_PROPERTY_BYTES];
    int length = device_property(device, DEV_NODE_CONTROLLER, "compatible", names, sizeof(names));

    for (int at = 0; at < length; at += (int)strnlen(names + at, (size_t)(length - at)) + 1) {
        if (strnlen(names + at, (size_t)(length - at)) == strlen(COMPATIBLE) &&
            memcmp(names + at, COMPATIBLE, strlen(COMPATIBLE)) == 0) {
            return true;
        }
    }
    return false;
}

/* What the tree says of the slot (Devicetree binding mmc-spi-slot). The second of its GPIOs is the write
 * protect switch. */
static void read_slot(struct slot *slot)
{
    const struct device *device = &slot->device;
    uint32_t low = device_cell(device, DEV_NODE_DEVICE, "voltage-ranges", 0, 3200);
    uint32_t high = device_cell(device, DEV_NODE_DEVICE, "voltage-ranges", 1, 3400);
    uint8_t none;

    slot->card.voltages = card_voltages(low, high);
    slot->card.max_hz = device_cell(device, DEV_NODE_DEVICE, "spi-max-frequency", 0, SLOWEST_HZ);
    slot->card.max_hz = slot->card.max_hz < SLOWEST_HZ ? SLOWEST_HZ : slot->card.max_hz;
    slot->switch_unknown = device_property(device, DEV_NODE_DEVICE, "disable-wp", &none, 0) < 0 &&
                           device_property(device, DEV_NODE_DEVICE, "gpios", &none, 0) > 3 * 4;
    if (slot->switch_unknown)
        rt_log("%s: its write protect switch cannot be read: cards are read-only", slot->unit.name);
}

static bool open_slot(struct slot *slot, uint64_t index)
{
    if (device_open(&slot->device, index) ||
        device_region(&slot->device, 0, 0, PAGE_BYTES, &slot->regs)) {
        return false;
    }
    slot->unit = (struct blk_unit){.driver = &slot_driver,
                                   .name = slot->device.info.name,
                                   .max_sectors = CARD_MAX_SECTORS,
                                   .can_flush = true,
                                   .failed = ERR_NO_DEVICE};
    if (!is_known_controller(&slot->device)) {
        rt_log("%s: its controller is not \"" COMPATIBLE "\"", slot->unit.name);
        return false;
    }
    slot->card.sd = (struct sd){.spi = &slot->spi, .time = &card_time};
    slot->card.name = slot->unit.name;
    read_slot(slot);
    if (slot->device.info.clock_frequency == 0)
        rt_log("%s: nobody knows the controller's clock: the card runs slowly", slot->unit.name);
    if (spi_open(&slot->spi, &slot->regs, slot->device.info.clock_frequency,
                 device_cell(&slot->device, DEV_NODE_DEVICE, "reg", 0, 0))) {
        rt_log("%s: its controller has no such chip select", slot->unit.name);
        return false;
    }
    return true;
}

static enum error make_signal(cap_t notification, uint64_t bits, cap_t *signal)
{
    *signal = slot_alloc();
    return *signal == 0 ? ERR_TOO_MANY
                        : cnode_mint(START_CNODE, *signal, 0, notification, RIGHT_SIGNAL, bits);
}

static void make_objects(cap_t notification)
{
    if (make_signal(notification, BIT_WORK, &work_signal) ||
        make_signal(notification, BIT_POLL, &poll_signal) ||
        object_make(OBJ_TIMER, 0, &poll_timer) ||
        object_make(OBJ_TIMER, 0, &sleep_timer) ||
        object_make(OBJ_NOTIFICATION, 0, &sleep_notification) ||
        make_signal(sleep_notification, 1, &sleep_signal)) {
        rt_fail("no memory for timers");
    }
}

int main(void)
{
    uint64_t devices = 0;
    cap_t notification = blk_begin();

    device_count(&devices);
    for (uint64_t i = 0; i < devices && slot_count < MAX_SLOTS; i++)
        slot_count += open_slot(&slots[slot_count], i);
    if (slot_count > 0) {
        make_objects(notification);
        for (unsigned i = 0; i < slot_count; i++)
            look_for_card(&slots[i]);
        poll();
    }
    blk_serve(signalled);
}
