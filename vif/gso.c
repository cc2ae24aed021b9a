/* SPDX-License-Identifier: Apache-2.0 */
/* gso.c - cuts a GSO frame into the frames its sender would have sent without offloads.
 *
 * From: tx of vifs that take no GSO.  To: mbufs of the caller.
 * Theory: every segment is the headers, with the fields that depend on length and position
 * rewritten, and the next gso_size bytes of payload.  What changes, by layer:
 *   IPv4   total length, identification + 1 per segment (RFC 6864: unique unless atomic), checksum
 *   IPv6   payload length
 *   TCP    sequence number; FIN and PSH in the last segment only, CWR in the first only
 *          (RFC 3168 §6.1.2); checksum
 *   UDP    length and checksum (UDP_SEGMENT: every segment is a datagram of its own)
 * A tunnel's outer IP, UDP and GRE headers get lengths and checksums too; an outer UDP checksum of
 * 0 stays 0.  GRE with sequence numbers is not cut: each segment would need its own.  Payload is copied: segments then share nothing with the frame.
 * gso_pack_next() puts many segments of a UDP tunnel into one frame instead: to the outer UDP they are
 * datagrams of one size, so the frame is UDP_SEGMENT, which kernels take whole where they refuse a
 * tunnel's GSO frame.  The inner checksums are complete then, because nobody further on knows of them,
 * and the outer one is always there, because UDP_SEGMENT comes with it.
 * DPDK's rte_gso has no TCP over IPv6 and no UDP_SEGMENT in 22.11, hence our own.
 * Thread: any. */
#include "vif/gso.h"

#include "vif/pkt_edit.h"

#include <endian.h>
#include <string.h>

#define IP4_HDR_MIN 20
#define IP6_HDR_LEN 40
#define UDP_HDR_LEN 8
#define UDP_CSUM_OFF 6
#define PACK_MAX 64 /* datagrams in one frame: what kernels have always let a sender ask for */
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_IP4 4
#define PROTO_IP6 41
#define PROTO_GRE 47
#define GRE_CSUM 0x80 /* flags in its first byte */
#define GRE_SEQ 0x10
#define TCP_CWR 0x80
#define TCP_PSH 0x08
#define TCP_FIN 0x01

static void put_be16(uint8_t *at, uint16_t v)
{
	be16 be = htobe16(v);

	memcpy(at, &be, sizeof(be));
}

static uint16_t get_be16(const uint8_t *at)
{
	be16 be;

	memcpy(&be, at, sizeof(be));
	return be16toh(be);
}

static void add_be32(uint8_t *at, uint32_t by)
{
	be32 be;

	memcpy(&be, at, sizeof(be));
	be = htobe32(be32toh(be) + by);
	memcpy(at, &be, sizeof(be));
}

/* One segment under construction. */
struct segment {
	uint8_t *hdr; /* the headers, contiguous */
	uint32_t len; /* of the whole frame */
	uint32_t index;
	bool is_last;
	struct rte_mbuf *m; /* NULL: all of it is contiguous at hdr */
};

/* Fix the IP header at @l3; returns the sum of the pseudo-header of what follows at @l4. */
static uint32_t fix_ip(const struct segment *s, uint32_t l3, uint32_t l4, uint8_t proto)
{
	uint8_t *ip = s->hdr + l3;
	uint32_t payload_len = s->len - l4, sum;
	be32 tail[2] = { htobe32(payload_len), htobe32(proto) };

	if (ip[0] >> 4 == 4) {
		uint16_t csum;

		put_be16(ip + 2, (uint16_t)(s->len - l3));
		put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + s->index));
		put_be16(ip + 10, 0);
		csum = (uint16_t)~pkt_sum_fold(pkt_sum_bytes(ip, (ip[0] & 0xfu) * 4u, 0));
		memcpy(ip + 10, &csum, sizeof(csum));
		sum = pkt_sum_bytes(ip + 12, 8, 0);
	} else {
		put_be16(ip + 4, (uint16_t)(s->len - l3 - IP6_HDR_LEN));
		sum = pkt_sum_bytes(ip + 8, 32, 0);
	}
	return pkt_sum_bytes(tail, sizeof(tail), sum);
}

/* Complete the checksum of the L4 header at @l4 whose field is at @at. */
static void fix_csum(const struct segment *s, uint32_t l4, uint8_t *at, uint32_t pseudo)
{
	uint16_t csum;

	memset(at, 0, 2);
	if (s->m != NULL)
		pseudo = pkt_sum(s->m, l4, s->len - l4, pseudo);
	else
		pseudo = pkt_sum_bytes(s->hdr + l4, s->len - l4, pseudo);
	csum = (uint16_t)~pkt_sum_fold(pseudo);
	if (csum == 0)
		csum = 0xffff; /* RFC 768; equal to 0 in TCP */
	memcpy(at, &csum, sizeof(csum));
}

static void fix_udp(const struct segment *s, uint32_t l4, uint32_t pseudo)
{
	put_be16(s->hdr + l4 + 4, (uint16_t)(s->len - l4));
	fix_csum(s, l4, s->hdr + l4 + 6, pseudo);
}

static void fix_tcp(const struct segment *s, uint32_t l4, uint32_t seq_by, uint32_t pseudo)
{
	uint8_t *tcp = s->hdr + l4;

	add_be32(tcp + 4, seq_by);
	if (!s->is_last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (s->index > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
	fix_csum(s, l4, tcp + 16, pseudo);
}

/* The headers whose payload is cut: the inner ones of a tunnel. */
static void fix_inner(const struct pkt *p, const struct segment *s)
{
	bool is_tunnel = (p->flags & PKT_TUNNEL_GSO) != 0;
	uint32_t l3 = is_tunnel ? p->inner_l3_off : p->l3_off;
	uint32_t l4 = is_tunnel ? p->inner_l4_off : p->l4_off;
	bool is_udp = p->gso_type == PKT_GSO_UDP_L4;
	uint32_t pseudo = fix_ip(s, l3, l4, is_udp ? PROTO_UDP : PROTO_TCP);

	if (is_udp)
		fix_udp(s, l4, pseudo);
	else
		fix_tcp(s, l4, s->index * p->gso_size, pseudo);
}

/* The GRE header of @p, which is right behind the outer IP header, or 0. */
static uint32_t gre_off(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	if (p->flags & PKT_IS_IP4)
		return p->l3_off + (ip[0] & 0xfu) * 4u;
	return ip[6] == PROTO_GRE ? p->l3_off + IP6_HDR_LEN : 0;
}

static void fix_gre(const struct pkt *p, const struct segment *s)
{
	uint32_t off = gre_off(p);

	if (s->hdr[off] & GRE_CSUM) /* RFC 2784 §2.5: over header and payload */
		fix_csum(s, off, s->hdr + off + 4, 0);
}

static bool tunnel_is_known(const struct pkt *p)
{
	switch (p->ip_proto) {
	case PROTO_UDP:
	case PROTO_IP4:
	case PROTO_IP6: return true;
	case PROTO_GRE: return gre_off(p) != 0 && (pkt_bytes(p)[gre_off(p)] & GRE_SEQ) == 0;
	default: return false;
	}
}

static void fix_headers(const struct pkt *p, const struct segment *s)
{
	uint32_t pseudo;

	fix_inner(p, s);
	if ((p->flags & PKT_TUNNEL_GSO) == 0)
		return;
	/* From the inside out: an outer checksum covers the inner headers. */
	pseudo = fix_ip(s, p->l3_off, p->l4_off, PROTO_UDP);
	if (p->ip_proto == PROTO_GRE)
		fix_gre(p, s);
	if (p->ip_proto != PROTO_UDP)
		return;
	if (get_be16(s->hdr + p->l4_off + 6) != 0)
		fix_udp(s, p->l4_off, pseudo);
	else
		put_be16(s->hdr + p->l4_off + 4, (uint16_t)(s->len - p->l4_off));
}

/* Append @len bytes of @p from @off on to the chain @head; false: no buffer. */
static bool copy_payload(struct rte_mbuf *head, struct rte_mempool *pool, const struct pkt *p,
	uint32_t off, uint32_t len)
{
	const struct rte_mbuf *from = p->m;
	struct rte_mbuf *to = head;

	while (len > 0) {
		uint32_t room = rte_pktmbuf_tailroom(to), n;

		if (off >= from->data_len) {
			off -= from->data_len;
			from = from->next;
			continue;
		}
		if (room == 0) {
			to->next = rte_pktmbuf_alloc(pool);
			if (to->next == NULL)
				return false;
			to = to->next;
			head->nb_segs++;
			continue;
		}
		n = RTE_MIN(RTE_MIN(len, room), from->data_len - off);
		memcpy(rte_pktmbuf_mtod_offset(to, uint8_t *, to->data_len),
			rte_pktmbuf_mtod_offset(from, const uint8_t *, off), n);
		to->data_len = (uint16_t)(to->data_len + n);
		head->pkt_len += n;
		off += n;
		len -= n;
	}
	return true;
}

struct rte_mbuf *gso_next(struct gso *g)
{
	const struct pkt *p = g->p;
	uint32_t left = p->len - g->payload_off;
	uint32_t len = RTE_MIN(left, (uint32_t)p->gso_size);
	struct segment s = { .index = g->index, .len = p->hdr_len + len, .is_last = len == left };

	if (g->failed || left == 0)
		return NULL;
	s.m = rte_pktmbuf_alloc(g->pool);
	if (s.m == NULL || rte_pktmbuf_tailroom(s.m) < p->hdr_len
		|| !copy_payload(s.m, g->pool, p, 0, p->hdr_len)
		|| !copy_payload(s.m, g->pool, p, g->payload_off, len)) {
		rte_pktmbuf_free(s.m);
		g->failed = true;
		g->no_buffer = true;
		return NULL;
	}
	s.hdr = rte_pktmbuf_mtod(s.m, uint8_t *);
	fix_headers(p, &s);
	g->payload_off += len;
	g->index++;
	return s.m;
}

/* Copy @len bytes of @p from @off on. */
static void copy_flat(uint8_t *to, const struct pkt *p, uint32_t off, uint32_t len)
{
	for (const struct rte_mbuf *m = p->m; m != NULL && len > 0; m = m->next) {
		uint32_t n;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		n = RTE_MIN(len, m->data_len - off);
		memcpy(to, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
		to += n;
		len -= n;
		off = 0;
	}
}

/* One datagram of the tunnel, inner headers and payload, behind the @at bytes at @frame; returns how
 * many bytes there are then. */
static uint32_t pack_one(struct gso *g, uint8_t *frame, uint32_t at)
{
	const struct pkt *p = g->p;
	uint32_t outer_len = p->l4_off + UDP_HDR_LEN, inner_len = p->hdr_len - outer_len;
	uint32_t left = p->len - g->payload_off;
	uint32_t len = RTE_MIN(left, (uint32_t)p->gso_size);
	/* Offsets are those of the frame: its outer headers would stand in front of the inner ones. */
	struct segment s = {
		.hdr = frame + at - outer_len,
		.index = g->index,
		.len = p->hdr_len + len,
		.is_last = len == left,
	};

	memcpy(frame + at, pkt_bytes(p) + outer_len, inner_len);
	copy_flat(frame + at + inner_len, p, g->payload_off, len);
	fix_inner(p, &s);
	g->payload_off += len;
	g->index++;
	return at + inner_len + len;
}

bool gso_can_pack(const struct pkt *p)
{
	return (p->flags & PKT_TUNNEL_GSO) != 0 && p->ip_proto == PROTO_UDP;
}

bool gso_pack_next(struct gso *g, struct pkt *out)
{
	const struct pkt *p = g->p;
	uint32_t at = p->l4_off + UDP_HDR_LEN, size = p->hdr_len - at + p->gso_size;
	struct segment s = { .index = g->index };
	struct rte_mbuf *m;
	uint16_t csum;

	if (g->failed || g->payload_off == p->len)
		return false;
	m = rte_pktmbuf_alloc(g->pool);
	g->failed = g->no_buffer = m == NULL || m->buf_len < at + size;
	if (g->failed) {
		rte_pktmbuf_free(m);
		return false;
	}
	m->data_off = 0;
	s.hdr = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(s.hdr, pkt_bytes(p), at);
	for (unsigned i = 0; i < PACK_MAX && at + size <= m->buf_len; i++) {
		at = pack_one(g, s.hdr, at);
		if (g->payload_off == p->len)
			break;
	}
	s.len = at;
	csum = pkt_sum_fold(fix_ip(&s, p->l3_off, p->l4_off, PROTO_UDP));
	put_be16(s.hdr + p->l4_off + 4, (uint16_t)(at - p->l4_off));
	memcpy(s.hdr + p->l4_off + UDP_CSUM_OFF, &csum, sizeof(csum));
	m->data_len = (uint16_t)at;
	m->pkt_len = at;
	*out = (struct pkt){
		.m = m,
		.len = at,
		.flags = PKT_CSUM_PARTIAL,
		.csum_start = p->l4_off,
		.csum_offset = UDP_CSUM_OFF,
		.hdr_len = (uint16_t)(p->l4_off + UDP_HDR_LEN),
	};
	if (at - out->hdr_len > size) {
		out->gso_type = PKT_GSO_UDP_L4;
		out->gso_size = (uint16_t)size;
	}
	return true;
}

void gso_begin(struct gso *g, const struct pkt *p, struct rte_mempool *pool)
{
	bool is_known = p->gso_type != PKT_GSO_NONE
		&& ((p->flags & PKT_TUNNEL_GSO) == 0 || tunnel_is_known(p));

	*g = (struct gso){ .p = p, .pool = pool, .payload_off = p->hdr_len, .failed = !is_known };
}
