/* SPDX-License-Identifier: MIT */
/* A program that waits for ever. */
#include <rt/rt.h>

int main(void)
{
    cap_t never;

    if (object_make(OBJ_NOTIFICATION, 0, &never))
        return 1;
    notification_wait(never);
    return 1;
}
