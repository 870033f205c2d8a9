/* SPDX-License-Identifier: MIT */
/* What the tree, the hart and the firmware tell of the machine, for struct machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* To be called before the tree is read: this is the hart with that id. */
void machine_begin(uint32_t boot_hart);
/* Asks the hart and the firmware what the tree does not tell, before the kernel's final tables are made. */
void machine_probe(void);
/* probe.S: whether stimecmp can be read, and whether cbo.zero can be executed, which clears a cache block. */
bool probe_stimecmp(void);
bool probe_cbo_zero(void *block);
