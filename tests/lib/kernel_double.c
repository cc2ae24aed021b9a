/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_double.c - vif/netdev.bpf.c as the kernel would run it; see kernel_double.h.
 *
 * From: tests/lib/bed.c.  To: the segments of the test.
 * Theory: filter and tc program run for each frame one after the other, as on one CPU.  A tc program
 * that shoots what the filter has kept from the engine would lose it: that is a failure here.
 * Thread: one. */
#include "tests/lib/kernel_double.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#define SAKLAR_BPF_HELPERS /* not the real ones */
#define SEC(name) __attribute__((unused))
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none */
#define MAP_FIELD(name, value) int(*name)[value]

static struct kernel_double *on;
static const struct kernel_frame *frame;
static uint32_t head_len;
static uint32_t redirected_to;

static void *map_at(void *map, const void *key);

static long load_bytes(const void *, uint32_t off, void *to, uint32_t len)
{
	if (off > head_len || len > head_len - off)
		return -EFAULT;
	memcpy(to, on->head + off, len);
	return 0;
}

static long store_bytes(
	struct __sk_buff *, uint32_t off, const void *from, uint32_t len, uint64_t flags)
{
	CHECK((flags & ~(uint64_t)BPF_F_RECOMPUTE_CSUM) == 0);
	if (off > head_len || len > head_len - off)
		return -EFAULT;
	memcpy(on->head + off, from, len);
	return 0;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* Of 16-bit words as they stand in memory. */
static uint64_t sum_words(const void *at, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i += 2) {
		uint16_t word;

		memcpy(&word, (const uint8_t *)at + i, 2);
		sum += word;
	}
	return sum;
}

static int64_t csum_diff(
	const void *from, uint32_t from_len, const void *to, uint32_t to_len, uint32_t seed)
{
	return fold(seed + sum_words(to, to_len) + (fold(sum_words(from, from_len)) ^ 0xffff));
}

/* bpf_l4_csum_replace of net/core/filter.c, as bpf-helpers(7) describes it. */
static long l4_csum(struct __sk_buff *, uint32_t off, uint64_t from, uint64_t to, uint64_t flags)
{
	bool is_pseudo = (flags & BPF_F_PSEUDO_HDR) != 0, is_udp = flags & BPF_F_MARK_MANGLED_0;
	uint64_t change = fold(to);
	uint16_t csum;

	if (load_bytes(NULL, off, &csum, 2) < 0)
		return -EFAULT;
	if (is_udp && csum == 0)
		return 0;
	if ((flags & 15) == 2 || (flags & 15) == 4)
		change = fold(to) + (fold(from) ^ 0xffff);
	if (frame->csum_start == 0)
		csum = (uint16_t)~fold((uint16_t)~csum + change);
	else if (is_pseudo)
		csum = (uint16_t)fold(csum + change);
	if (is_udp && csum == 0)
		csum = 0xffff;
	memcpy(on->head + off, &csum, 2);
	return 0;
}

static uint32_t cpu_number(void)
{
	return 3;
}

static uint64_t now_ns(void)
{
	return on->now_ns;
}

static long redirect(uint32_t ifindex, uint64_t flags)
{
	CHECK(flags == 0);
	redirected_to = ifindex;
	return TC_ACT_REDIRECT;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wmissing-variable-declarations"
#endif
/* NOLINTNEXTLINE(bugprone-suspicious-include): the very program is what runs here */
#include "vif/netdev.bpf.c"
#pragma GCC diagnostic pop

static void *map_at(void *map, const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	if (map == &saklar_verdicts)
		return index < VERDICTS_N ? on->verdicts + (size_t)index * VERDICT_ELEM : NULL;
	if (map == &saklar_fdb)
		return index < 65536 ? on->fdb + (size_t)index * VERDICT_ELEM : NULL;
	if (map == &saklar_ct)
		return index < on->ct_size / VERDICT_ELEM ? on->ct + (size_t)index * VERDICT_ELEM
							  : NULL;
	if (map == &saklar_neigh)
		return index < SEGMENT_NEIGH_ELEMS ? on->neigh + (size_t)index * VERDICT_ELEM
						   : NULL;
	CHECK(map == &saklar_ports);
	return index < VIF_ID_MAX ? &on->ports[index] : NULL;
}

uint32_t kernel_double_run(struct kernel_double *k, const struct kernel_frame *f)
{
	struct __sk_buff skb = { .len = f->len, .ifindex = f->ifindex, .gso_size = f->gso_size };

	on = k;
	frame = f;
	head_len = MIN(f->linear, (uint32_t)sizeof(k->head));
	memcpy(k->head, f->bytes, head_len);
	redirected_to = 0;
	if (!k->has_no_socket && saklar_choose(&skb) != FILTER_KEEP) {
		CHECK(saklar_netdev(&skb) == TC_ACT_SHOT);
		return 0;
	}
	if (saklar_netdev(&skb) == TC_ACT_REDIRECT)
		return redirected_to;
	CHECK(k->may_lose);
	return KERNEL_LOST;
}
