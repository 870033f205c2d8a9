/* SPDX-License-Identifier: MIT */
/* Interrupt lines: the handlers' original capabilities, which stay here for the statistics; drivers get
 * copies. */
#pragma once

#include <proto/dev.h>
#include <rt/rt.h>

/* The handler of `line`, made when first asked for, for `device` (a number of this server's own) whose
 * interrupts are of the kind `trigger` (enum irq_trigger). ERR_UNSUPPORTED: its controller is not used. */
enum error line_handler(uint32_t line, uint32_t trigger, unsigned device, cap_t *handler);
/* Has the kernel count what is acknowledged later than that after the interrupt; 0: nothing. */
enum error line_set_deadline(cap_t handler, uint64_t deadline_us);
/* Unbinds the lines of a device and takes back what its driver had, so that the next driver starts clean. */
void lines_release(unsigned device);
/* What the kernel counted of the n-th line that has a handler, and whose it is. ERR_NOT_FOUND after the last.
 */
enum error line_statistics(uint64_t n, struct dev_irq_stats_reply *reply, unsigned *device);
