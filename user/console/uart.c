/* SPDX-License-Identifier: MIT */
/* Which type of UART a `compatible` string is. dts/system.dts has the same strings, for dev. */
#include "uart.h"

#include <string.h>

static const struct {
    const char *compatible;
    const struct uart_type *type;
} known[] = {
    {"ns16550a", &uart_ns16550a},
    {"snps,dw-apb-uart", &uart_dw_apb},
    {"intel,xscale-uart", &uart_xscale},
    {"sifive,uart0", &uart_sifive},
};

enum error uart_open(struct uart *uart, struct mmio *regs, const char *compatible, uint64_t shift,
                     uint64_t width)
{
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].compatible, compatible) == 0) {
            *uart = (struct uart){.type = known[i].type, .regs = regs};
            return uart->type->open(uart, shift, width);
        }
    }
    return ERR_UNSUPPORTED;
}
