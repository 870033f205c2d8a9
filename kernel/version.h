/* SPDX-License-Identifier: MIT */
/* What the boot log says this is. */
#pragma once

#define CARDEA_VERSION "0.1"
