/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - assertions for programmer errors, on in release builds too.
 * Never CHECK() anything that a guest, a peer, a file or a user can influence. */
#pragma once

_Noreturn void check_failed(const char *expr, const char *file, int line);

#define CHECK(x)                                              \
	do {                                                  \
		if (__builtin_expect(!(x), 0))                \
			check_failed(#x, __FILE__, __LINE__); \
	} while (0)
