/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - bounded reader and writer with a sticky error.
 *
 * Read or write field after field and look at .failed once at the end: after the first step out
 * of bounds nothing is read or written any more, and reads give zeros. */
#pragma once

#include "vswitch/base/base.h"

struct wire_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};
struct wire_writer {
	uint8_t *begin;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

struct wire_reader wire_reader_of(const void *bytes, size_t len);
struct wire_writer wire_writer_of(void *bytes, size_t size);
/* Copy the next @len bytes to @out (zeros when they are not there). */
void wire_get(struct wire_reader *r, void *out, size_t len);
/* Pointer to the next @len bytes, or NULL; valid as long as the buffer. */
const void *wire_take(struct wire_reader *r, size_t len);
size_t wire_left(const struct wire_reader *r);
void wire_put(struct wire_writer *w, const void *bytes, size_t len);
size_t wire_written(const struct wire_writer *w);
