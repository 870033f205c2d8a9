/* SPDX-License-Identifier: MIT */
/*
 * The assertions of Criterion for a program that is none of its tests: whatever does not hold ends the
 * fuzzer, which then keeps the input. So the checkers of tests/host serve here as they are.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define SHIM_FAIL(text, ...)                                                                                 \
    (fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, text),                                 \
     fprintf(stderr, "" __VA_ARGS__), fputc('\n', stderr), abort())
#define SHIM_ASSERT(condition, text, ...) ((condition) ? (void)0 : SHIM_FAIL(text, __VA_ARGS__))

#define cr_assert(condition, ...)         SHIM_ASSERT(condition, #condition, __VA_ARGS__)
#define cr_assert_not(condition, ...)     SHIM_ASSERT(!(condition), "not " #condition, __VA_ARGS__)
#define cr_assert_null(value, ...)        SHIM_ASSERT(!(value), #value " is null", __VA_ARGS__)
#define cr_assert_not_null(value, ...)    SHIM_ASSERT(value, #value " is not null", __VA_ARGS__)
#define cr_assert_lt(a, b, ...)           SHIM_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)           SHIM_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)          SHIM_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)          SHIM_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)           SHIM_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)          SHIM_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
