/* SPDX-License-Identifier: MIT */
/* Notifications: words of event bits. */
#pragma once

#include "object.h"

/* Adds bits to a notification and wakes a waiter. */
void notification_signal(struct notification *notification, uint64_t bits);
/* Waits for bits; the thread is the one that makes the system call. */
void notification_receive(struct thread *thread, const struct slot *slot, bool block);
/* Gives the bits to a thread, which waited for them or does not have to, and goes on. */
void notification_give(struct notification *notification, struct thread *thread, uint64_t tag);
/* Makes it at home with who waits for its bits, on `hart`, unless others wait already: then its first home's
 * lock guards them all, and no fast lane uses it. */
void notification_come_home(struct notification *notification, struct hart *hart);
/* Destruction, one bounded step a call: true when done. */
bool notification_destroy(struct notification *notification);
