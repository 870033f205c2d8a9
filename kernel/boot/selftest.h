/* SPDX-License-Identifier: MIT */
/* The kernel's own tests (tests/selftest), which the command line asks for. */
#pragma once

/* Runs the tests, prints one line for each, and powers off. */
void selftest_run(void) __attribute__((noreturn));
/* Fails in the way that the command line asks for with "selftest=fault", overflow, text, data or panic, if it
 * does. */
void selftest_crash(void);
