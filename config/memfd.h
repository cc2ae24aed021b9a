/* SPDX-License-Identifier: Apache-2.0 */
/* memfd.h - anonymous files that are handed to the engine or to readers of captures. */
#pragma once

#include "vswitch/base/base.h"

/* A memfd of @size bytes, the first @len of them from @bytes, that can neither shrink nor grow; with
 * @is_constant nobody can write to it either.  The fd, or -errno. */
[[nodiscard]] int memfd_create_sealed(
	const char *name, const void *bytes, size_t len, size_t size, bool is_constant);

/* Is @fd a memfd of exactly @size bytes that cannot shrink (mapping a file that others can cut
 * means SIGBUS)?  0 or -errno. */
[[nodiscard]] int memfd_check(int fd, uint64_t size);
