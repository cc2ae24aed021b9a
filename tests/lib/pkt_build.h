/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_build.h - frames for tests, layer by layer.
 *
 * frame_eth(), any layers from outside in, frame_payload(), then frame_end(), which fills lengths
 * and checksums; frame_partial() or frame_gso() afterwards make it what a guest with offloads sends.
 * Written without a look at the code under test: its checksums are its own. */
#pragma once

#include "vif/vif_mem.h"

#define FRAME_ROOM (65535 + 64)
#define FRAME_LAYERS_MAX 12

enum frame_layer_kind {
	LAYER_ETH,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_OTHER
};

struct frame {
	uint32_t len;
	struct mem_offload offload;
	unsigned n_layers;
	struct {
		enum frame_layer_kind kind;
		uint32_t off;
		uint32_t next_at; /* byte that names what follows (IP6 and its extensions) */
	} layer[FRAME_LAYERS_MAX];
	uint8_t bytes[FRAME_ROOM];
};

/* MAC 02:00:00:00:00:@n; 0 to 255. */
#define MAC_OF(n) ((const uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)(n) })
#define MAC_BCAST ((const uint8_t[6]){ 255, 255, 255, 255, 255, 255 })
#define MAC_GROUP(n) ((const uint8_t[6]){ 1, 0, 0x5e, 0, 0, (uint8_t)(n) })
#define MAC_LINK_LOCAL(n) ((const uint8_t[6]){ 1, 0x80, 0xc2, 0, 0, (uint8_t)(n) })

void frame_eth(struct frame *f, const uint8_t *dst, const uint8_t *src);
void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci);
void frame_arp(struct frame *f);
void frame_ip4(struct frame *f, uint8_t proto);
void frame_ip6(struct frame *f, uint8_t proto);
/* An extension header of @words * 8 bytes behind IPv6 or another one. */
void frame_ip6_ext(struct frame *f, uint8_t kind, unsigned words);
void frame_tcp(struct frame *f, uint8_t flags);
void frame_udp(struct frame *f, uint16_t dst_port);
void frame_vxlan(struct frame *f);
void frame_geneve(struct frame *f, unsigned option_words);
/* An Ethernet header inside a tunnel. */
void frame_inner_eth(struct frame *f);
void frame_payload(struct frame *f, uint32_t len);
void frame_end(struct frame *f);
/* Make the innermost checksum partial. */
void frame_partial(struct frame *f);
void frame_gso(struct frame *f, enum pkt_gso type, uint16_t size);

/* The usual: UDP over IPv4 with @payload bytes. */
void frame_simple(struct frame *f, const uint8_t *dst, const uint8_t *src, uint32_t payload);
/* A TCP super-frame of exactly @len bytes. */
void frame_super(struct frame *f, bool is_v6, bool is_tagged, uint32_t len);

/* A BPDU of a neighbour that is the root, with this priority, and says it by a designated port.
 * @flags: of an RST BPDU, IEEE 802.1D-2004 §9.3.3; 0: a configuration BPDU. */
void frame_bpdu(struct frame *f, uint8_t priority, uint8_t flags);
#define FRAME_BPDU_RST 0x7c /* designated, learning, forwarding, agreement */
#define FRAME_BPDU_TC 0x01 /* topology change */

/* What is wrong with lengths and checksums of a frame that must be whole; NULL: nothing.
 * @is_partial: the innermost L4 checksum may be just the pseudo-header's. */
const char *frame_fault(const uint8_t *bytes, uint32_t len, bool is_partial);
