/* SPDX-License-Identifier: Apache-2.0 */
/* router_check.c - addresses that nobody can have, and other things no router forwards (RFC 1812 §5).
 *
 * From: bridge/router.c.  To: a reason to drop, or none.
 * Thread: worker; no state. */
#include "bridge/router_check.h"

#include "bridge/fib.h"
#include "vif/pkt_edit.h"

#include <endian.h>
#include <string.h>

static bool is_bad_v4_source(const uint8_t *a)
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224;
}

/* RFC 791 §3.1: options end with the header, or at an end of list. */
static enum drop_reason check_options(const uint8_t *ip)
{
	unsigned len = (ip[0] & 15u) * 4u;

	for (unsigned i = 20; i < len && ip[i] != 0;) {
		if (ip[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || ip[i + 1] < 2 || i + ip[i + 1] > len)
			return DROP_IP_MALFORMED;
		if (ip[i] == 131 || ip[i] == 137) /* loose and strict source route */
			return DROP_IP_SOURCE_ROUTE;
		i += ip[i + 1];
	}
	return DROP_NONE;
}

static enum drop_reason check_v4(const uint8_t *ip)
{
	if (pkt_sum_fold(pkt_sum_bytes(ip, (ip[0] & 15u) * 4u, 0)) != 0xffff)
		return DROP_IP_CSUM;
	if (is_bad_v4_source(ip + 12))
		return DROP_IP_INVALID_SOURCE;
	if (is_bad_v4_source(ip + 16))
		return DROP_IP_INVALID_DEST;
	return check_options(ip);
}

static bool is_v6_low(const uint8_t *a)
{
	static const uint8_t zeros[15];

	return memcmp(a, zeros, 15) == 0 && a[15] <= 1; /* :: and ::1 */
}

static bool is_v6_link_local(const uint8_t *a)
{
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

static enum drop_reason check_v6(const uint8_t *ip)
{
	/* v4-mapped addresses are ours alone, in tables; none is on a wire (RFC 4291 §2.5.5.2). */
	if (ip[8] == 0xff || is_v6_low(ip + 8) || fib_addr_is_v4(ip + 8)
		|| is_v6_link_local(ip + 8))
		return DROP_IP_INVALID_SOURCE;
	if (ip[24] == 0xff || is_v6_low(ip + 24) || fib_addr_is_v4(ip + 24)
		|| is_v6_link_local(ip + 24))
		return DROP_IP_INVALID_DEST;
	return DROP_NONE;
}

/* RFC 768: of the header at least, and inside of the packet. */
bool router_check_udp_len(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off, *udp = pkt_bytes(p) + p->l4_off;
	uint32_t len = (uint32_t)(udp[4] << 8 | udp[5]), end;

	if (p->gso_type != PKT_GSO_NONE)
		return true; /* as the kernel has it */
	end = p->flags & PKT_IS_IP6 ? p->l3_off + 40u + (uint32_t)(ip[4] << 8 | ip[5])
				    : p->l3_off + (uint32_t)(ip[2] << 8 | ip[3]);
	return len >= 8 && len <= end - p->l4_off;
}

/* RFC 2644: what is sent to all of a subnet is not let into it. */
bool router_check_is_broadcast(uint8_t len, const uint8_t addr[16])
{
	uint32_t low, host;

	if (!fib_addr_is_v4(addr) || len > 30)
		return false;
	memcpy(&low, addr + 12, 4);
	host = UINT32_MAX >> len;
	return (be32toh(low) & host) == host;
}

enum drop_reason router_check_ip(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	return p->flags & PKT_IS_IP6 ? check_v6(ip) : check_v4(ip);
}
