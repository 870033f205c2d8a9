/* SPDX-License-Identifier: MIT */
/* XTEA: see xtea.h. */
#include <base/xtea.h>

uint64_t xtea_encipher(uint64_t block, const uint32_t key[4])
{
    uint32_t left = block >> 32, right = block, sum = 0;

    for (unsigned round = 0; round < 32; round++) {
        left += ((right << 4 ^ right >> 5) + right) ^ (sum + key[sum & 3]);
        sum += 0x9e3779b9;
        right += ((left << 4 ^ left >> 5) + left) ^ (sum + key[sum >> 11 & 3]);
    }
    return (uint64_t)left << 32 | right;
}
