/* SPDX-License-Identifier: MIT */
/* The block cipher XTEA (Needham and Wheeler, 1997), 32 rounds. */
#pragma once

#include <stdint.h>

/* Enciphers a block, whose upper half is the first word: different blocks stay different. */
uint64_t xtea_encipher(uint64_t block, const uint32_t key[4]);
