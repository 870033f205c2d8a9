/* SPDX-License-Identifier: MIT */
/* The console's process: the terminal on one of the machine's UARTs. */
#include "console.h"
#include "uart.h"

#include <driver/device.h>
#include <proto/proc.h>
#include <stdio.h>

#define INTERRUPT_BIT 1

static struct device device;
static struct mmio regs;
static struct uart uart;
static struct console_port port;

/* Gives the transmitter what it takes; the rest goes when it interrupts. */
static void transmit(void)
{
    const char *bytes;
    size_t count, sent;

    do {
        count = console_output(&bytes);
        sent = uart_transmit(&uart, bytes, count);
        console_transmitted(sent);
    } while (sent > 0);
    uart_want_transmit_interrupt(&uart, count > 0);
}

static void receive(void)
{
    char byte;

    while (uart_receive(&uart, &byte))
        console_receive(byte);
}

static void signalled(uint64_t bits)
{
    uint64_t overruns = uart.overruns;

    if (bits & INTERRUPT_BIT) {
        port.interrupts++;
        receive();
        console_serve();
        port.overruns += uart.overruns - overruns;
        device_interrupt_done(&device);
    }
}

/* Takes the UART that is open as `device`. False, after a line that says why, when it is not to be had. */
static bool take_uart(cap_t notification)
{
    if (device_region(&device, 0, 0, PAGE_BYTES, &regs))
        return false;
    enum error error =
        uart_open(&uart, &regs, device.info.compatible, device.info.reg_shift, device.info.reg_io_width);
    if (error) {
        rt_log("%s: %s, and not used", device.info.name, error_text(error));
        return false;
    }
    return !device_interrupt(&device, 0, notification, INTERRUPT_BIT);
}

/* The first that can be used, of those that the device tree names for this, or of the others. */
static bool find_uart(uint64_t count, bool is_stdout, cap_t notification)
{
    for (uint64_t i = 0; i < count; i++) {
        if (!device_open(&device, i) && (device.info.is_stdout != 0) == is_stdout &&
            take_uart(notification)) {
            return true;
        }
    }
    return false;
}

static void open_uart(void)
{
    uint64_t count = 0;
    cap_t notification = serve_notification();

    if (notification == 0)
        rt_fail("no memory for a notification");
    if (device_count(&count) || count == 0)
        rt_fail("no UART that this driver knows: there is no terminal");
    if (!find_uart(count, true, notification) && !find_uart(count, false, notification))
        rt_fail("no UART that can be used: there is no terminal");
}

/* From here on the terminal belongs to this process alone; the kernel log is read with dmesg. */
static void silence_kernel(void)
{
    struct cap_info log;
    uint64_t off = 0;

    if (!cnode_inspect(START_CNODE, START_LOG, &log) && log.type == OBJ_DEBUG &&
        (log.rights & RIGHT_ECHO)) {
        kernel_call(START_LOG, OP_DEBUG_SET_ECHO, &off, 1, NULL, 0);
    }
}

/* init stops the program, or starts the shell anew when there is none. */
static void attention(uint64_t program)
{
    const struct proc_request request = {.process = program};
    struct proto_empty none;
    enum error error = proc_attention(rt_cap("init"), &request, &none);

    if (error)
        rt_log("init does not take the attention key: %s", error_text(error));
}

int main(void)
{
    open_uart();
    snprintf(port.driver, sizeof(port.driver), "%s", device.info.compatible);
    snprintf(port.device, sizeof(port.device), "%s", device.info.name);
    port.transmit = transmit;
    port.attention = attention;
    console_start(&port);
    silence_kernel();
    receive();
    serve(&(struct server){
        .name = "console",
        .protocol = {console_serves},
        .in_place = true,
        .signalled = signalled,
        .client_gone = console_client_gone,
    });
}
