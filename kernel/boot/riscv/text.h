/* SPDX-License-Identifier: MIT */
/* The kernel's code, which the boot fits to the machine before it becomes read-only. */
#pragma once

#define LINK_NONE 0
#define LINK_T3   28

/* Makes the instruction at `place` a jump to `to`, within 1 MiB, which leaves the next one's address in
 * register number `link`. Once all are made: text_changed(). */
void text_jump(char *place, const char *to, unsigned link);
void text_changed(void);

/* Has memory cleared with cbo.zero, if the firmware lets S-mode use it: all harts have it, for 64 bytes. */
void clearing_probe(void);
