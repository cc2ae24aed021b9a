/* SPDX-License-Identifier: Apache-2.0 */
/* guard_fuzz.c - hostile frames of a guarded guest.
 *
 * Input: a byte of enum snap_guard_flag, one that says how much of the frame is in the first segment,
 * then the frame, in heap blocks of exact size.
 * Claims: nothing is read that is not there; what passes has the guest's own MAC, and where addresses
 * are bound its own source, said by a look of our own at the first headers.
 * Planted bug (SAKLAR_PLANTED_BUG): options of neighbour discovery are read beyond the end. */
#include "bridge/guard_source.h"
#include "tests/lib/test_pools.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

#define VIF 1

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t own4[4] = { 10, 0, 0, 1 };
static const uint8_t own6[16] = { 0xfd, [15] = 1 };
static const uint8_t link6[16] = { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [15] = 1 };
static const uint8_t zeros[16];
static struct snapshot cfg;

int LLVMFuzzerInitialize(int *, char ***)
{
	static struct snap_binding binding[2] = {
		{ .vif_id = VIF, .len = 32, .addr = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } },
		{ .vif_id = VIF, .len = 128, .addr = { 0xfd, [15] = 1 } },
	};
	struct rte_mempool *small_pool, *big_pool;

	test_pools(&small_pool, &big_pool); /* the EAL, for mbufs */
	cfg.bindings[VIF] = (struct snapshot_bindings){ .n = 2, .at = binding };
	cfg.port[VIF].vif_id = VIF;
	memcpy(cfg.port[VIF].mac, own_mac, 6);
	return 0;
}

static void mbuf_over(struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(len > 0 ? len : 1);
	CHECK(m->buf_addr != NULL);
	if (len > 0)
		memcpy(m->buf_addr, bytes, len);
	m->buf_len = (uint16_t)len;
	m->data_len = (uint16_t)len;
	m->nb_segs = 1;
	m->refcnt = 1;
}

/* What passed, looked at from outside in without the parser. */
static void check_passed(const uint8_t *f, uint32_t len, unsigned guard)
{
	uint32_t at = 12;

	if (guard & SNAP_GUARD_MAC)
		CHECK(memcmp(f + 6, own_mac, 6) == 0);
	while (at + 4 <= len
		&& ((f[at] == 0x81 && f[at + 1] == 0) || (f[at] == 0x88 && f[at + 1] == 0xa8)))
		at += 4;
	if ((guard & SNAP_GUARD_IP) == 0 || (guard & SNAP_GUARD_HIDDEN) == 0 || at + 2 + 40 > len)
		return;
	if (f[at] == 8 && f[at + 1] == 0)
		CHECK(memcmp(f + at + 14, own4, 4) == 0 || memcmp(f + at + 14, zeros, 4) == 0);
	if (f[at] == 8 && f[at + 1] == 6)
		CHECK(memcmp(f + at + 16, own4, 4) == 0 || memcmp(f + at + 16, zeros, 4) == 0);
	if (f[at] == 0x86 && f[at + 1] == 0xdd)
		CHECK(memcmp(f + at + 10, own6, 16) == 0 || memcmp(f + at + 10, link6, 16) == 0
			|| memcmp(f + at + 10, zeros, 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rte_mbuf first, second;
	uint32_t len, linear;
	struct pkt p;

	if (size < 2 || size > 2 + FRAME_LEN_MAX / 8)
		return 0;
	cfg.port[VIF].guard = bytes[0] & SNAP_GUARD_ALL;
	len = (uint32_t)(size - 2);
	linear = bytes[1] == 255 ? len : MIN(len, (uint32_t)PKT_HEADERS_MIN + bytes[1]);
	bytes += 2;
	mbuf_over(&first, bytes, linear);
	mbuf_over(&second, bytes + linear, len - linear);
	if (len > linear) {
		first.next = &second;
		first.nb_segs = 2;
	}
	first.pkt_len = len;
	memset(&p, 0xa5, sizeof(p));
	p.m = &first;
	p.len = len;
	p.in_vif = VIF;
	p.drop = DROP_NONE;
	p.flags = 0;
	p.gso_type = PKT_GSO_NONE;
	pkt_parse_one(&p);
	if (p.drop == DROP_NONE && guard_source(&cfg, &cfg.port[VIF], &p) == DROP_NONE)
		check_passed(bytes, len, cfg.port[VIF].guard);
	free(first.buf_addr);
	free(second.buf_addr);
	return 0;
}
