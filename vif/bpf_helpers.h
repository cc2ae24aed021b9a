/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_helpers.h - the helpers of the kernel that netdev.bpf.c calls (bpf-helpers(7)), and how its maps
 * are declared for libbpf.  All of them may be called under any licence.  Tests put a double in the
 * place of this header and run the same programs in their own process. */
#ifndef SAKLAR_BPF_HELPERS
#define SAKLAR_BPF_HELPERS

#include "vswitch/abi/verdicts.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define SEC(name) __attribute__((section(name), used))
#define MAP_FIELD(name, value) int(*name)[value]

static void *(*const map_at)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const load_bytes)(const void *skb, uint32_t off, void *to, uint32_t len)
	= (void *)BPF_FUNC_skb_load_bytes;
static uint32_t (*const cpu_number)(void) = (void *)BPF_FUNC_get_smp_processor_id;
static uint64_t (*const now_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static long (*const store_bytes)(
	struct __sk_buff *skb, uint32_t off, const void *from, uint32_t len, uint64_t flags)
	= (void *)BPF_FUNC_skb_store_bytes;
static long (*const l4_csum)(
	struct __sk_buff *skb, uint32_t off, uint64_t from, uint64_t to, uint64_t flags)
	= (void *)BPF_FUNC_l4_csum_replace;
static int64_t (*const csum_diff)(
	const void *from, uint32_t from_len, const void *to, uint32_t to_len, uint32_t seed)
	= (void *)BPF_FUNC_csum_diff;
static long (*const redirect)(uint32_t ifindex, uint64_t flags) = (void *)BPF_FUNC_redirect;

#endif
