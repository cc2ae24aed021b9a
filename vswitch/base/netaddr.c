/* SPDX-License-Identifier: Apache-2.0 */
/* netaddr.c - addresses and prefixes as text and as bytes.
 *
 * From: the schema, the CLI, printers.  To: nothing.
 * Theory: an IPv4 address is kept v4-mapped (RFC 4291 §2.5.5.2); a prefix length of IPv4 is 96 less
 * than that of its mapped form, so one comparison of bits serves both families.
 * Invariants: parsers take the whole text or nothing and leave *out alone on error; IPv6 text that
 * is v4-mapped is refused, for it would silently become IPv4.
 * Thread: no state. */
#include "vswitch/base/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int mac_parse(const char *text, struct mac *out)
{
	char sep = strnlen(text, MAC_STR_LEN) == MAC_STR_LEN - 1 ? text[2] : '\0';
	struct mac m = { 0 };

	if (sep != ':' && sep != '-')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(m.b); i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < sizeof(m.b) - 1 ? sep : '\0'))
			return -EINVAL;
		m.b[i] = (uint8_t)(high << 4 | low);
	}
	*out = m;
	return 0;
}

char *mac_print(const struct mac *m, char *buf)
{
	snprintf(buf, MAC_STR_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
		m->b[3], m->b[4], m->b[5]);
	return buf;
}

bool mac_is_zero(const struct mac *m)
{
	static const struct mac zero;

	return memcmp(m, &zero, sizeof(zero)) == 0;
}

bool mac_is_multicast(const struct mac *m)
{
	return m->b[0] & 1;
}

bool ip_is_v4(const struct ipaddr *a)
{
	return memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
}

int ip_parse(const char *text, struct ipaddr *out)
{
	struct ipaddr a;

	if (inet_pton(AF_INET, text, a.b + sizeof(v4_prefix)) == 1) {
		memcpy(a.b, v4_prefix, sizeof(v4_prefix));
	} else if (inet_pton(AF_INET6, text, a.b) != 1 || ip_is_v4(&a)) {
		return -EINVAL;
	}
	*out = a;
	return 0;
}

char *ip_print(const struct ipaddr *a, char *buf)
{
	bool v4 = ip_is_v4(a);

	/* Cannot fail: both families are known and the buffer is large enough. */
	if (!inet_ntop(
		    v4 ? AF_INET : AF_INET6, v4 ? a->b + sizeof(v4_prefix) : a->b, buf, IP_STR_LEN))
		buf[0] = '\0';
	return buf;
}

/* Prefix length counted over all 128 bits. */
static unsigned mapped_len(const struct ipnet *n)
{
	return n->len + (ip_is_v4(&n->addr) ? 96u : 0u);
}

static unsigned host_bits(const struct ipnet *n)
{
	return 128 - mapped_len(n);
}

static bool same_bits(const struct ipaddr *a, const struct ipaddr *b, unsigned n_bits)
{
	unsigned whole = n_bits / 8;
	unsigned rest = n_bits % 8;

	if (memcmp(a->b, b->b, whole) != 0)
		return false;
	return !rest || !((a->b[whole] ^ b->b[whole]) >> (8 - rest));
}

/* The address with all host bits cleared. */
static struct ipaddr network_of(const struct ipnet *n)
{
	struct ipaddr a = n->addr;

	for (unsigned bit = mapped_len(n); bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return a;
}

/* "0" to "128" without sign, space or leading zero; -EINVAL otherwise. */
static int prefix_len_parse(const char *text)
{
	int len = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		len = len * 10 + (*text - '0');
		if (len > 128)
			return -EINVAL;
	}
	return len;
}

int ipnet_parse(const char *text, struct ipnet *out)
{
	const char *slash = strchr(text, '/');
	char addr[IP_STR_LEN];
	struct ipnet n;
	int len;
	int rc;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	rc = ip_parse(addr, &n.addr);
	if (rc < 0)
		return rc;
	len = prefix_len_parse(slash + 1);
	if (len < 0 || len > (ip_is_v4(&n.addr) ? 32 : 128))
		return -EINVAL;
	n.len = (uint8_t)len;
	*out = n;
	return 0;
}

char *ipnet_print(const struct ipnet *n, char *buf)
{
	char addr[IP_STR_LEN];

	snprintf(buf, IPNET_STR_LEN, "%s/%u", ip_print(&n->addr, addr), n->len);
	return buf;
}

bool ipnet_overlaps(const struct ipnet *a, const struct ipnet *b)
{
	if (ip_is_v4(&a->addr) != ip_is_v4(&b->addr))
		return false; /* ::/0 does not hold IPv4, though its bits are all shared */
	return same_bits(&a->addr, &b->addr, MIN(mapped_len(a), mapped_len(b)));
}

bool ipnet_contains(const struct ipnet *n, const struct ipaddr *a)
{
	return ip_is_v4(&n->addr) == ip_is_v4(a) && same_bits(&n->addr, a, mapped_len(n));
}

bool ipnet_is_network(const struct ipnet *n)
{
	struct ipaddr a = network_of(n);

	return memcmp(&a, &n->addr, sizeof(a)) == 0;
}

uint64_t ipnet_size(const struct ipnet *n)
{
	return host_bits(n) < 64 ? UINT64_C(1) << host_bits(n) : UINT64_MAX;
}

bool ipnet_host(const struct ipnet *n, uint64_t index, struct ipaddr *out)
{
	struct ipaddr a = network_of(n);

	if (host_bits(n) < 64 && index >> host_bits(n))
		return false;
	/* Host bits are zero, so there is no carry. */
	for (unsigned i = 0; i < 8; i++)
		a.b[15 - i] |= (uint8_t)(index >> (8 * i));
	*out = a;
	return true;
}
