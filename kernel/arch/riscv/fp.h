/* SPDX-License-Identifier: MIT */
/* Registers of floating point, which must be on. */
#pragma once

struct thread;

void fp_save(struct thread *thread);
void fp_restore(const struct thread *thread);
