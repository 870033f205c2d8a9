/* SPDX-License-Identifier: MIT */
/* What lwIP asks of net while it works: its hooks (lwip/opt.h). */
#pragma once

#include <lwip/ip_addr.h>

/* The first sequence number of a connection: a clock of 250,000 a second, and what only this machine knows of
 * the two addresses and ports (RFC 6528), so that nobody outside can guess it. */
u32_t first_sequence_number(const ip_addr_t *local, u16_t local_port, const ip_addr_t *peer, u16_t peer_port);
