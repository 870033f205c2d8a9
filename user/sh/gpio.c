/* SPDX-License-Identifier: MIT */
/* The command gpio: pins and what happens there. */
#include "commands.h"
#include "shell.h"

#include <abi/object.h>
#include <client/gpio.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

#define LOOK_AGAIN_US 1000000 /* whether the server that is to signal is still there */

static const char *bounded(char *text, size_t size)
{
    text[size - 1] = 0;
    return text;
}

static const char *or_dash(const char *text)
{
    return text[0] != 0 ? text : "-";
}

/* --- Showing pins --- */

/* A pin as it is named in a command: with its controller in front where there are several. */
static void format_pin(char text[48], struct gpio_pin pin, bool several)
{
    if (several)
        snprintf(text, 48, "%llu:%llu", (unsigned long long)pin.controller, (unsigned long long)pin.number);
    else
        snprintf(text, 48, "%llu", (unsigned long long)pin.number);
}

static void format_owner(char text[48], struct gpio_owner *owner)
{
    if (owner->client != 0)
        format_process(text, owner->client);
    else
        snprintf(text, 48, "%s", bounded(owner->node, sizeof(owner->node)));
}

static const char *direction_of(uint64_t flags)
{
    return flags & GPIO_OUTPUT ? "out" : flags & GPIO_INPUT ? "in" : "off";
}

/* An output that cannot be read back is shown with the level that it drives. */
static const char *level_of(uint64_t flags)
{
    uint64_t high = flags & GPIO_INPUT ? GPIO_IS_HIGH : GPIO_DRIVE_HIGH;

    return (flags & (GPIO_INPUT | GPIO_OUTPUT)) == 0 ? "-" : flags & high ? "1" : "0";
}

static void print_titles(void)
{
    printf("%-6s %-9s %-5s %-5s %7s %-16s %s\n", "PIN", "DIRECTION", "LEVEL", "PULL", "WAITING", "NAME",
           "USED BY");
}

static enum error print_pin(struct gpio_pin pin, bool several)
{
    struct gpio_pin_reply reply;
    char number[48], owner[48];
    enum error error = gpio_describe(pin, &reply);

    if (error)
        return error;
    format_pin(number, pin, several);
    format_owner(owner, &reply.owner);
    printf("%-6s %-9s %-5s %-5s %7llu %-16s %s\n", number, direction_of(reply.flags), level_of(reply.flags),
           reply.flags & GPIO_PULL_UP ? "up" : "-", (unsigned long long)reply.watchers,
           shown(or_dash(bounded(reply.name, sizeof(reply.name)))).text, shown(or_dash(owner)).text);
    return ERR_OK;
}

static int list_pins(const struct gpio_info_reply *first)
{
    struct gpio_info_reply info = *first;
    bool several = info.controllers > 1;
    enum error error = ERR_OK;
    struct gpio_pin pin;

    print_titles();
    for (pin.controller = 0; pin.controller < first->controllers && !error; pin.controller++) {
        error = gpio_controller(pin.controller, &info);
        for (pin.number = 0; pin.number < info.pins && !error && !input_interrupted();
             pin.number++) {
            error = print_pin(pin, several);
        }
    }
    return !error ? 0 : complain_error("gpio", "pins", error);
}

/* --- Finding a pin --- */

/* The pin that the board calls by this name. */
static bool find_named(const char *name, uint64_t controllers, struct gpio_pin *pin)
{
    struct gpio_info_reply info;
    struct gpio_pin_reply reply;

    for (pin->controller = 0; pin->controller < controllers; pin->controller++) {
        if (gpio_controller(pin->controller, &info))
            return false;
        for (pin->number = 0; pin->number < info.pins; pin->number++) {
            if (!gpio_describe(*pin, &reply) &&
                strcmp(bounded(reply.name, sizeof(reply.name)), name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Whether the pin is there. */
static bool exists(struct gpio_pin pin)
{
    struct gpio_pin_reply reply;

    return !gpio_describe(pin, &reply);
}

/* A pin is named by its number, by those of its controller and of its own (0:5), or as the board calls it. */
static bool find_pin(const char *argument, uint64_t controllers, struct gpio_pin *pin)
{
    const char *colon = strchr(argument, ':');
    char controller[20] = "0";

    if (colon != NULL && (size_t)(colon - argument) < sizeof(controller)) {
        memcpy(controller, argument, (size_t)(colon - argument));
        controller[colon - argument] = 0;
    }
    if (read_number(controller, &pin->controller) &&
        read_number(colon != NULL ? colon + 1 : argument, &pin->number)) {
        return exists(*pin);
    }
    return find_named(argument, controllers, pin);
}

/* --- Changing it --- */

static int complain_pin(const char *name, enum error error, struct gpio_owner *owner)
{
    char user[48], why[80];

    if (error == ERR_IN_USE && owner != NULL) {
        format_owner(user, owner);
        snprintf(why, sizeof(why), "in use by %s", user);
        return complain("gpio", name, why);
    }
    return error == ERR_UNSUPPORTED ? complain("gpio", name, "cannot interrupt")
                                    : complain_error("gpio", name, error);
}

/* What the pin was set to stays; it is the shell's only meanwhile. */
static int change(const char *name, struct gpio_pin pin, const char *action)
{
    struct gpio_owner owner = {0};
    enum error error;

    if (strcmp(action, "in") == 0)
        error = gpio_input(pin, &owner);
    else if (strcmp(action, "out") == 0)
        error = gpio_output(pin, &owner);
    else if (strcmp(action, "0") == 0 || strcmp(action, "1") == 0)
        error = gpio_drive(pin, action[0] == '1', &owner);
    else if (strcmp(action, "pullup") == 0 || strcmp(action, "float") == 0)
        error = gpio_pull_up(pin, action[0] == 'p', &owner);
    else
        return command_usage("gpio");
    if (error)
        return complain_pin(name, error, &owner);
    gpio_give_back(pin);
    return 0;
}

/* --- Waiting --- */

static const struct {
    const char *name;
    uint64_t events;
} events[] = {
    {"rising", GPIO_RISING}, {"falling", GPIO_FALLING}, {"both", GPIO_RISING | GPIO_FALLING},
    {"high", GPIO_HIGH},     {"low", GPIO_LOW},
};

static uint64_t find_events(const char *name)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (strcmp(events[i].name, name) == 0)
            return events[i].events;
    }
    return 0;
}

static void print_happened(const char *pin, uint64_t happened)
{
    printf("%s:", shown(pin).text);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        bool one = (events[i].events & (events[i].events - 1)) == 0;
        printf("%s%s", one && (happened & events[i].events) ? " " : "",
               one && (happened & events[i].events) ? events[i].name : "");
    }
    printf("\n");
}

/* Looks now and then whether the server still knows of the watch: nobody signals when it was restarted. */
static enum error start_clock(cap_t *timer)
{
    uint64_t period = rt_ticks_of_us(LOOK_AGAIN_US);
    enum error error = *timer != 0 ? ERR_OK : object_make(OBJ_TIMER, 0, timer);

    return !error ? timer_set(*timer, input_pin_signal(), rt_ticks() + period, period) : error;
}

static int wait_for(const char *name, struct gpio_pin pin, const char *event)
{
    static cap_t timer;
    struct gpio_acknowledge_reply reply = {0};
    uint64_t wanted = find_events(event);

    if (wanted == 0)
        return complain("gpio", event, "no such event: rising, falling, both, high, low");
    enum error error = gpio_wait_for(pin, wanted, input_pin_signal(), NULL);
    if (!error)
        error = start_clock(&timer);
    while (!error && reply.events == 0 && !shell.interrupted) {
        input_wait();
        error = gpio_happened(pin, &reply);
    }
    if (timer != 0)
        timer_cancel(timer);
    gpio_wait_no_more(pin);
    if (error) {
        return error == ERR_NOT_FOUND ? complain_error("gpio", name, ERR_PEER_GONE)
                                      : complain_pin(name, error, NULL);
    }
    if (reply.events != 0)
        print_happened(name, reply.events);
    return 0;
}

int command_gpio(int argc, char **argv)
{
    struct gpio_info_reply info;
    struct gpio_pin pin;
    enum error error = gpio_controller(0, &info);

    if (error)
        return complain_error("gpio", "pins", error);
    if (info.controllers == 0)
        return complain("gpio", "pins", "this machine has no GPIO controller");
    if (argc == 1)
        return list_pins(&info);
    if (!find_pin(argv[1], info.controllers, &pin))
        return complain("gpio", argv[1], "no such pin");
    if (argc == 2) {
        print_titles();
        error = print_pin(pin, info.controllers > 1);
        return !error ? 0 : complain_error("gpio", argv[1], error);
    }
    bool waits = strcmp(argv[2], "wait") == 0;
    if (waits != (argc == 4))
        return command_usage("gpio");
    return waits ? wait_for(argv[1], pin, argv[3]) : change(argv[1], pin, argv[2]);
}
