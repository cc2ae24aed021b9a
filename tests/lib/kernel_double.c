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
static uint32_t redirected_to;

static void *map_at(void *map, const void *key);

static long load_bytes(const void *, uint32_t off, void *to, uint32_t len)
{
	if (off > frame->linear || len > frame->linear - off)
		return -EFAULT;
	memcpy(to, frame->bytes + off, len);
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
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
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
	CHECK(map == &saklar_ports);
	return index < VIF_ID_MAX ? &on->ports[index] : NULL;
}

uint32_t kernel_double_run(struct kernel_double *k, const struct kernel_frame *f)
{
	struct __sk_buff skb = { .len = f->len, .ifindex = f->ifindex, .gso_size = f->gso_size };

	on = k;
	frame = f;
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
