/* SPDX-License-Identifier: Apache-2.0 */
/* pkt.h - one packet on its way through the pipeline: an mbuf and 64 bytes about it.
 *
 * Life: a vif's rx fills .m, .in_vif, .len and the offload fields; pkt_parse() fills the offsets;
 * later stages set .verdict fields; exactly one of vif tx and drop_burst() frees the mbuf.
 * The array lives in struct burst and is used again for every burst; it is not behind the mbuf.
 *
 * Layout of an mbuf chain: the first segment holds at least the first PKT_HEADERS_MIN bytes (or
 * the whole frame), copied out of guest memory; what follows may be in further segments.
 * A VLAN tag that the kernel stripped has been put back into the bytes by rx.
 *
 * Offload fields have the meaning of struct virtio_net_hdr (virtio 1.2 §5.1.6), offsets counted
 * from the first byte of the frame as it stands in the mbuf.  After pkt_parse() they have been
 * checked against the frame's own headers and may be trusted; nothing of a guest's header is
 * ever copied to another vif. */
#pragma once

#include "vswitch/abi/drop_reasons.h"
#include "vswitch/abi/limits.h"

#include <rte_mbuf.h>

#define PKT_HEADERS_MIN 128 /* bytes every parser may look at without walking segments */
#define PKT_VLAN_TAGS_MAX 2

enum pkt_gso {
	PKT_GSO_NONE,
	PKT_GSO_TCP4,
	PKT_GSO_TCP6,
	PKT_GSO_UDP_L4, /* UDP_SEGMENT: every segment gets its own UDP header */
};

enum pkt_flag {
	PKT_CSUM_PARTIAL
		= 1u << 0, /* L4 checksum holds the pseudo-header's sum only: csum_start/offset */
	PKT_CSUM_VALID = 1u << 1, /* a lower layer vouches for the L4 checksum */
	PKT_GSO_ECN = 1u << 2, /* TCP CWR in the first segment only */
	PKT_TUNNEL_GSO
		= 1u << 3, /* GSO of the inner packet behind an outer UDP header (VXLAN, Geneve) */
	PKT_IS_MCAST = 1u << 4, /* group bit of the destination; set for broadcast too */
	PKT_IS_BCAST = 1u << 5,
	PKT_IS_IP4 = 1u << 6, /* l3_off is an IPv4 header, complete with options */
	PKT_IS_IP6 = 1u << 7,
	PKT_IS_FRAG = 1u << 8, /* IP fragment; l4_off valid in the first one only */
	PKT_HAS_L4 = 1u << 9, /* l4_off is a complete TCP, UDP or ICMP header */
	PKT_IS_ARP = 1u << 10, /* l3_off is a complete Ethernet/IPv4 ARP packet */
	PKT_MALFORMED = 1u << 11, /* IP that does not add up: bridged as opaque, never routed */
	PKT_TO_ROUTER = 1u << 12, /* set by bridge_split(): IP that the router takes */
	PKT_ROUTER_SEES
		= 1u << 13, /* ARP or ND of a routed network; goes on its way all the same */
	PKT_ENDS_HERE = 1u << 14, /* the router was its destination: freed, not lost */
	PKT_WAS_HEARD
		= 1u << 15, /* group frame that a router port got: no loss if nobody else does */
};

/* csum_start of a partial checksum whose place rx does not know: pkt_parse() finds the L4 header. */
#define PKT_CSUM_UNSAID UINT16_MAX

struct pkt {
	struct rte_mbuf *m;
	uint32_t len; /* bytes of the frame, all segments */
	uint16_t in_vif; /* vif id it came from */
	uint16_t network_id; /* set by guard_ingress() from the snapshot */
	uint16_t flags; /* enum pkt_flag */
	uint8_t drop; /* enum drop_reason; DROP_NONE: alive */
	bool consumed : 1; /* vif tx took or freed the mbuf; .m is NULL then */
	/* ARP or ND that need not be flooded to vifs with SNAP_PORT_NEIGH_SUPPRESS: bridge/proxy.c. */
	bool is_answered : 1;
	bool is_displaced : 1; /* its source was known to be on another vif: fdb_learn() */

	/* offload, from rx; offsets from the frame's first byte */
	uint8_t gso_type; /* enum pkt_gso */
	uint8_t n_vlan; /* tags in the frame's bytes */
	uint16_t gso_size; /* bytes of payload a segment */
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t hdr_len; /* headers to repeat in each segment; from our own parse */

	/* from pkt_parse(); 0 where the layer is not there */
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t inner_l3_off; /* PKT_TUNNEL_GSO */
	uint16_t inner_l4_off;
	be16 ether_type; /* behind the tags */
	uint16_t vlan_tci; /* outermost tag, host order */
	be16 vlan_tpid;
	uint8_t ip_proto; /* of the last header walked */
	bool must_hop; /* what comes next belongs to the worker that owns the tables */
	uint16_t dst_vif; /* set by the bridge for known unicast, VIF_ID_NONE else */
	/* The router's packets enter their network by no vif: in_vif is VIF_ID_NONE then, and this the
	 * vif on whose behalf they exist; drops are counted there. */
	uint16_t origin_vif;
	/* A flood that is sent over several turns goes on at this vif; FLOOD_NOT_BEGUN, FLOOD_ENDED. */
	uint16_t flood_next;
	uint16_t vlan; /* tag in a VLAN-aware network, PVID filled in; 0: the network is not */
	uint8_t mcast_set; /* group frame for some vifs only: see struct burst; 0: flooded */
	uint8_t vlan_form; /* enum vlan_form, with .vlan: how the bytes say it */
	/* Of a routed packet of a connection, for who repeats it (vswitch/verdicts.h); 0: none. */
	uint32_t conn; /* record it arrived as; bridge/ct.h */
	uint32_t neigh; /* record of whom it is sent to; bridge/neigh_store.h */
};

enum vlan_form {
	VLAN_FORM_UNTAGGED, /* not at all; a tag of another kind may be there */
	VLAN_FORM_TAGGED, /* their outermost tag is .vlan */
	VLAN_FORM_PRIORITY, /* their outermost tag has VID 0 */
};
#define FLOOD_NOT_BEGUN 0
#define FLOOD_ENDED VIF_ID_MAX
static_assert(sizeof(struct pkt) <= 64, "one cache line a packet");

static inline const uint8_t *pkt_bytes(const struct pkt *p)
{
	return rte_pktmbuf_mtod(p->m, const uint8_t *);
}

/* Bytes of the frame that are contiguous at its beginning. */
static inline uint32_t pkt_linear_len(const struct pkt *p)
{
	return rte_pktmbuf_data_len(p->m);
}

/* The @len bytes at @off of the linear part, or NULL when they are not all there. */
static inline const void *pkt_hdr(const struct pkt *p, uint32_t off, uint32_t len)
{
	uint32_t linear = pkt_linear_len(p);

	if (off > linear || len > linear - off)
		return NULL;
	return pkt_bytes(p) + off;
}

/* The vif that a loss of @p is counted on. */
static inline uint16_t pkt_drop_vif(const struct pkt *p)
{
	return p->in_vif != VIF_ID_NONE ? p->in_vif : p->origin_vif;
}

/* Is @p a flood that goes on in a later turn? */
static inline bool pkt_is_unfinished(const struct pkt *p)
{
	return p->flood_next != FLOOD_NOT_BEGUN && p->flood_next != FLOOD_ENDED
		&& p->drop == DROP_NONE && p->m != NULL;
}

/* Mark @p as lost for @reason; the first reason stays. */
static inline void pkt_drop(struct pkt *p, enum drop_reason reason)
{
	if (p->drop == DROP_NONE)
		p->drop = (uint8_t)reason;
}
