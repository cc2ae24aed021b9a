/* SPDX-License-Identifier: Apache-2.0 */
/* vnet_hdr.c - the offload description at the edge to taps and packet sockets.
 *
 * From: vif_netdev.c, vif_host.c (rx and tx).  To: pkt_parse.c, which checks what is decoded here.
 * Theory: both kinds of fd use the legacy header in host byte order (the engine never switches
 * endianness).  hdr_len is only a hint and never read.  A tunnelled GSO frame arrives as plain TCP
 * GSO with csum_start behind the outer UDP header, and leaves in the same words: the kernel's
 * header has no others for packet sockets.
 * Invariants: encode writes every field; offsets come from checked fields only.
 * Thread: worker. */
#include "vif/vnet_hdr.h"

#include <string.h>

/* virtio 1.2 §5.1.6: "gso_type", without the ECN bit */
static int gso_of_wire(uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE: return PKT_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV4: return PKT_GSO_TCP4;
	case VIRTIO_NET_HDR_GSO_TCPV6: return PKT_GSO_TCP6;
	case VIRTIO_NET_HDR_GSO_UDP_L4: return PKT_GSO_UDP_L4;
	default: return -1; /* UFO and whatever comes later: nobody was told we take it */
	}
}

void vnet_hdr_decode(const struct virtio_net_hdr *h, uint16_t vlan_len, struct pkt *p)
{
	int gso = gso_of_wire(h->gso_type);

	if (gso < 0) {
		pkt_drop(p, DROP_GSO_BAD);
		return;
	}
	p->gso_type = (uint8_t)gso;
	if (gso != PKT_GSO_NONE)
		p->gso_size = h->gso_size;
	if (gso != PKT_GSO_NONE && (h->gso_type & VIRTIO_NET_HDR_GSO_ECN))
		p->flags |= PKT_GSO_ECN;
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		/* a sum beyond 16 bits must not come back around as a small offset */
		if (h->csum_start > UINT16_MAX - vlan_len) {
			pkt_drop(p, DROP_CSUM_BAD);
			return;
		}
		p->flags |= PKT_CSUM_PARTIAL;
		p->csum_start = (uint16_t)(h->csum_start + vlan_len);
		p->csum_offset = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->flags |= PKT_CSUM_VALID;
	}
}

static uint8_t gso_to_wire(const struct pkt *p)
{
	static const uint8_t types[] = {
		[PKT_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[PKT_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[PKT_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[PKT_GSO_UDP_L4] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	uint8_t type = types[p->gso_type];

	if (type != VIRTIO_NET_HDR_GSO_NONE && (p->flags & PKT_GSO_ECN))
		type |= VIRTIO_NET_HDR_GSO_ECN;
	return type;
}

void vnet_hdr_encode(const struct pkt *p, struct virtio_net_hdr *h)
{
	*h = (struct virtio_net_hdr){ 0 };
	if (p->flags & PKT_CSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = p->csum_start;
		h->csum_offset = p->csum_offset;
	}
	if (p->gso_type == PKT_GSO_NONE)
		return;
	h->gso_type = gso_to_wire(p);
	h->gso_size = p->gso_size;
	/* lets the kernel keep the payload in pages instead of one 64 KiB allocation */
	h->hdr_len = p->hdr_len;
}
