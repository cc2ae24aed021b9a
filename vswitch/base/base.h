/* SPDX-License-Identifier: Apache-2.0 */
/* base.h - the few words every file uses.  libc only; no state. */
#pragma once

#include <assert.h> /* static_assert: gcc 12 has no keyword for it */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#ifdef __cppcheck__ /* 2.10 does not parse the block in an initializer */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#else
/* Each use has names of its own, so that one may stand in the argument of another. */
#define BASE_PASTE_(a, b) a##b
#define BASE_PASTE(a, b) BASE_PASTE_(a, b)
#define BASE_PICK_(a, b, a_, b_, op)  \
	({                            \
		__auto_type a_ = (a); \
		__auto_type b_ = (b); \
		a_ op b_ ? a_ : b_;   \
	})
#define BASE_PICK(a, b, op, n) BASE_PICK_(a, b, BASE_PASTE(pick_a_, n), BASE_PASTE(pick_b_, n), op)
#define MIN(a, b) BASE_PICK(a, b, <, __COUNTER__)
#define MAX(a, b) BASE_PICK(a, b, >, __COUNTER__)
#endif
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define CACHE_LINE 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Values in network byte order; convert with be16toh()/htobe16() and the like. */
typedef uint16_t be16;
typedef uint32_t be32;

/* Wire limits that both processes and the tools agree on. */
#define SAKLAR_NAME_MAX 15 /* characters of a vif's or network's name: what a Linux netdev takes */
#define SAKLAR_NAME_LEN (SAKLAR_NAME_MAX + 1)
