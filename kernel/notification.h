/* SPDX-License-Identifier: MIT */
/* Notifications: words of event bits. */
#pragma once

#include "object.h"

/* Adds bits to a notification and wakes a waiter. */
void notification_signal(struct notification *notification, uint64_t bits);
/* Waits for bits; the thread is the one that makes the system call. */
void notification_receive(struct thread *thread, const struct slot *slot, bool block);
/* Destruction, one bounded step a call: true when done. */
bool notification_destroy(struct notification *notification);
