/* SPDX-License-Identifier: Apache-2.0 */
/* expect.c - compares frames and explains the difference; see expect.h.
 *
 * From: tests.  To: cmocka's failure.  Thread: one. */
#include "tests/lib/expect.h"

#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *frame_print(const uint8_t *bytes, uint32_t len, const struct mem_offload *offload,
	char *buf, size_t size)
{
	unsigned type, at = 12;
	size_t n;

	if (len < 14) {
		snprintf(buf, size, "len %u (no Ethernet header)", len);
		return buf;
	}
	n = (size_t)snprintf(buf, size,
		"%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", bytes[6], bytes[7],
		bytes[8], bytes[9], bytes[10], bytes[11], bytes[0], bytes[1], bytes[2], bytes[3],
		bytes[4], bytes[5]);
	type = bytes[at] * 256u + bytes[at + 1];
	while ((type == 0x8100 || type == 0x88a8) && at + 6 <= len && n < size) {
		n += (size_t)snprintf(
			buf + n, size - n, " vlan %u", (bytes[at + 2] & 15) * 256u + bytes[at + 3]);
		at += 4;
		type = bytes[at] * 256u + bytes[at + 1];
	}
	if (n < size)
		n += (size_t)snprintf(buf + n, size - n, " type %04x len %u", type, len);
	if (type == 0x0800 && len >= at + 22 && n < size)
		n += (size_t)snprintf(buf + n, size - n, " ip4 total %u proto %u",
			bytes[at + 4] * 256u + bytes[at + 5], bytes[at + 11]);
	if (type == 0x86dd && len >= at + 42 && n < size)
		n += (size_t)snprintf(buf + n, size - n, " ip6 payload %u next %u",
			bytes[at + 6] * 256u + bytes[at + 7], bytes[at + 8]);
	if (offload != NULL && (offload->flags | offload->gso_type) != 0 && n < size)
		snprintf(buf + n, size - n, " csum %x@%u+%u gso %u/%u", offload->flags,
			offload->csum_start, offload->csum_offset, offload->gso_type,
			offload->gso_size);
	return buf;
}

static void hex_around(const char *what, const uint8_t *bytes, uint32_t len, uint32_t at)
{
	uint32_t from = at < 16 ? 0 : at - 16;

	print_error("  %s from byte %u:", what, from);
	for (uint32_t i = from; i < len && i < from + 48; i++)
		print_error("%s%02x", i == at ? " >" : " ", bytes[i]);
	print_error("\n");
}

static void explain(const struct frame *want, const struct mem_frame *got)
{
	uint32_t at = 0;
	char buf[256];

	print_error("  expected: %s\n",
		frame_print(want->bytes, want->len, &want->offload, buf, sizeof(buf)));
	print_error("  got:      %s\n",
		frame_print(got->bytes, got->len, &got->offload, buf, sizeof(buf)));
	while (at < want->len && at < got->len && want->bytes[at] == got->bytes[at])
		at++;
	if (at == want->len && at == got->len)
		return;
	hex_around("expected", want->bytes, want->len, at);
	hex_around("got", got->bytes, got->len, at);
}

static bool offload_is(const struct mem_offload *a, const struct mem_offload *b)
{
	return a->flags == b->flags && a->gso_type == b->gso_type && a->gso_size == b->gso_size
		&& a->csum_start == b->csum_start && a->csum_offset == b->csum_offset;
}

void expect_frame(struct vif *v, const struct frame *want, const char *file, int line)
{
	struct mem_frame got;
	char buf[256];
	bool is_same;

	if (!vif_mem_take(v, &got)) {
		print_error("%s:%d: vif %s sent nothing\n  expected: %s\n", file, line, v->name,
			frame_print(want->bytes, want->len, &want->offload, buf, sizeof(buf)));
		_fail(file, line);
		return;
	}
	is_same = got.len == want->len && memcmp(got.bytes, want->bytes, got.len) == 0
		&& offload_is(&got.offload, &want->offload);
	if (!is_same) {
		print_error("%s:%d: vif %s sent another frame\n", file, line, v->name);
		explain(want, &got);
	}
	free(got.bytes);
	if (!is_same)
		_fail(file, line);
}

void expect_nothing(struct vif *v, const char *file, int line)
{
	struct mem_frame got;
	char buf[256];

	if (!vif_mem_take(v, &got))
		return;
	print_error("%s:%d: vif %s should have sent nothing\n  got: %s\n", file, line, v->name,
		frame_print(got.bytes, got.len, &got.offload, buf, sizeof(buf)));
	free(got.bytes);
	_fail(file, line);
}
