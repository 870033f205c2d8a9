/* SPDX-License-Identifier: MIT */
/* Address space identifiers. */
#pragma once

/* Finds out for machine.asid_bits how many bits they have, and fits the fast lanes to none. */
void asids_probe(void);
