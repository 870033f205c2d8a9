/* SPDX-License-Identifier: MIT */
/* Fast lanes in C. Each returns only when it did nothing and leaves the event of `thread`, the current one,
 * whose registers are saved, to the general path. */
#pragma once

struct thread;

/* An illegal instruction, if it is one that needs the FP registers and the thread may have them. */
void lane_fp(struct thread *thread);
/* An external interrupt, if the driver that it is for waits for it. */
void lane_interrupt(struct thread *thread);
