/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as ext4 metadata_csum uses it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues the checksum `crc` over `size` bytes. No inversion at either end: ext4 seeds with ~0 and stores
 * it as is; the CRC-32C of RFC 3720 is ~crc32c(~0, data, size). */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
/* The same over `size` bytes that are zero, at a cost that grows with the logarithm. A checksum is linear:
 * crc32c(crc, data, size) is crc32c_zeros(crc, size) ^ crc32c(0, data, size). */
uint32_t crc32c_zeros(uint32_t crc, uint32_t size);
