/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_maps.h - what the programs of netdev.bpf.c read: the maps, what they ask of a frame, and the
 * forwarding table's records. */
#pragma once

#include "vif/bpf_helpers.h"
#include "vswitch/abi/verdicts.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define READ(place) (*(const volatile __typeof__(place) *)&(place))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else /* tests run it */
#define UNROLL
#endif

#define TO_BE16(x) __builtin_bswap16(x)
#define ETHER_IP4 TO_BE16(0x0800)
#define ETHER_IP6 TO_BE16(0x86dd)
#define ETHER_LEN 14

/* The daemon puts the engine's segments in the place of these: SEGMENT_VERDICT, SEGMENT_FDB, SEGMENT_CT,
 * SEGMENT_NEIGH. */
struct {
	MAP_FIELD(type, BPF_MAP_TYPE_ARRAY);
	MAP_FIELD(map_flags, BPF_F_MMAPABLE);
	MAP_FIELD(max_entries, VERDICTS_N);
	MAP_FIELD(key_size, 4);
	MAP_FIELD(value_size, VERDICT_ELEM);
} saklar_verdicts SEC(".maps");

struct {
	MAP_FIELD(type, BPF_MAP_TYPE_ARRAY);
	MAP_FIELD(map_flags, BPF_F_MMAPABLE);
	MAP_FIELD(max_entries, SEGMENT_FDB_ELEMS);
	MAP_FIELD(key_size, 4);
	MAP_FIELD(value_size, VERDICT_ELEM);
} saklar_fdb SEC(".maps");

struct {
	MAP_FIELD(type, BPF_MAP_TYPE_ARRAY);
	MAP_FIELD(map_flags, BPF_F_MMAPABLE);
	MAP_FIELD(max_entries, SEGMENT_CT_ELEMS);
	MAP_FIELD(key_size, 4);
	MAP_FIELD(value_size, VERDICT_ELEM);
} saklar_ct SEC(".maps");

struct {
	MAP_FIELD(type, BPF_MAP_TYPE_ARRAY);
	MAP_FIELD(map_flags, BPF_F_MMAPABLE);
	MAP_FIELD(max_entries, SEGMENT_NEIGH_ELEMS);
	MAP_FIELD(key_size, 4);
	MAP_FIELD(value_size, VERDICT_ELEM);
} saklar_neigh SEC(".maps");

/* Vif id to ifindex, 0: not a way out.  Written by the daemon alone. */
struct {
	MAP_FIELD(type, BPF_MAP_TYPE_ARRAY);
	MAP_FIELD(max_entries, VIF_ID_MAX);
	MAP_FIELD(key_size, 4);
	MAP_FIELD(value_size, 4);
} saklar_ports SEC(".maps");

struct flow {
	uint8_t macs[12];
	uint16_t ether_type; /* network byte order */
	uint16_t hdr_len; /* of one segment, when the frame is GSO's */
	uint32_t src_ip4; /* network byte order; 0: IPv6 */
};

static ALWAYS_INLINE void *elem(uint32_t index)
{
	return map_at(&saklar_verdicts, &index);
}

/* Does record @index of the forwarding table say that the MAC at @mac is on @vif?  Returns it. */
static ALWAYS_INLINE struct verdict_station *station(
	uint32_t index, const uint8_t *mac, uint16_t network_id, uint16_t vif)
{
	struct verdict_station *s = map_at(&saklar_fdb, &index);
	uint64_t mac_vid = 0;

	if (!s || index == 0)
		return 0;
	uint32_t seq = READ(s->seq);

	__builtin_memcpy(&mac_vid, mac, 6);
	if (seq == 0 || (seq & 1) || READ(s->mac_vid) != mac_vid
		|| READ(s->network_id) != network_id || READ(s->vif_id) != vif
		|| READ(s->seq) != seq)
		return 0;
	return s;
}

static ALWAYS_INLINE int has_aged(const struct verdict_station *s, uint64_t ageing_ns, uint64_t now)
{
	uint64_t seen = READ(s->last_seen_ns);

	return s->origin == VERDICT_ORIGIN_LEARNED && now >= seen && now - seen >= ageing_ns;
}

/* May what has VERDICT_WATCHED pass @vif at @now?  The engine says so, second by second. */
static ALWAYS_INLINE int may_forward(uint16_t vif, uint64_t now)
{
	const struct verdict_counters *c = elem(VERDICTS_VIF + (vif & (VIF_ID_MAX - 1)));

	return c && now < READ(c->forwards_until_ns);
}
