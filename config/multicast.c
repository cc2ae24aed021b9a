/* SPDX-License-Identifier: Apache-2.0 */
/* multicast.c - intervals and static groups, from text and back.
 *
 * From: schema_multicast.c, rpc_mdb.c.  To: the model.
 * Theory: defaults are those of the Linux bridge, in whose terms the names are: query is the
 * interval between general queries, response the time hosts have, membership how long a member that
 * is not heard of stays, querier how long another querier and its router count, startup the interval
 * of the first queries, last-member that of those behind a leave.
 * Invariants: what is printed is read back as the same.
 * Thread: the daemon has one. */
#include "config/multicast.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct multicast_intervals multicast_defaults = { .query_ms = 125000,
	.response_ms = 10000,
	.membership_ms = 260000,
	.querier_ms = 255000,
	.startup_ms = 31250,
	.last_member_ms = 1000,
	.startup_count = 2,
	.last_member_count = 2 };

#define NAMES                                                                                \
	"query, response, membership, querier, startup, last-member, startup-count or last-" \
	"member-count"

static const struct {
	const char *name;
	size_t at;
	bool is_count;
	uint32_t max; /* ms, or times */
} words[] = {
	{ "query", offsetof(struct multicast_intervals, query_ms), false, 3600000 },
	{ "response", offsetof(struct multicast_intervals, response_ms), false, 25000 },
	{ "membership", offsetof(struct multicast_intervals, membership_ms), false, 86400000 },
	{ "querier", offsetof(struct multicast_intervals, querier_ms), false, 86400000 },
	{ "startup", offsetof(struct multicast_intervals, startup_ms), false, 3600000 },
	{ "last-member", offsetof(struct multicast_intervals, last_member_ms), false, 25000 },
	{ "startup-count", offsetof(struct multicast_intervals, startup_count), true, 10 },
	{ "last-member-count", offsetof(struct multicast_intervals, last_member_count), true, 10 },
};

static uint32_t *field_of(struct multicast_intervals *v, unsigned i)
{
	return (uint32_t *)(void *)((uint8_t *)v + words[i].at);
}

static uint32_t value_of(const struct multicast_intervals *v, unsigned i)
{
	uint32_t n;

	memcpy(&n, (const uint8_t *)v + words[i].at, sizeof(n));
	return n;
}

/* A number of at most nine digits that is all of @text, with three behind the point, or none. */
static bool read_number(const char *text, bool is_count, uint32_t *out)
{
	size_t n = strspn(text, "0123456789");
	uint64_t v = 0, part = 100;

	if (n == 0 || n > 6)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(text[i] - '0');
	text += n;
	if (!is_count)
		v *= 1000;
	if (text[0] == '.' && !is_count) {
		n = strspn(++text, "0123456789");
		if (n == 0 || n > 3)
			return false;
		for (size_t i = 0; i < n; i++, part /= 10)
			v += part * (unsigned)(text[i] - '0');
		text += n;
	}
	*out = (uint32_t)MIN(v, (uint64_t)UINT32_MAX);
	return text[0] == '\0';
}

static int read_word(char *word, const char *path, struct multicast_intervals *out, struct err *e)
{
	char *value = strchr(word, '=');
	unsigned i = 0;
	uint32_t n;

	if (value != NULL)
		*value++ = '\0';
	while (i < ARRAY_LEN(words) && strcmp(words[i].name, word) != 0)
		i++;
	if (value == NULL || i == ARRAY_LEN(words))
		return err_set(e, -EINVAL, path,
			"'%.24s' is no interval: write NAME=SECONDS with NAME one of " NAMES, word);
	if (!read_number(value, words[i].is_count, &n) || n == 0 || n > words[i].max)
		return err_set(e, -EINVAL, path, "%s=%.16s is not right: write a number up to %u%s",
			word, value, words[i].is_count ? words[i].max : words[i].max / 1000,
			words[i].is_count ? "" : " seconds");
	*field_of(out, i) = n;
	return 0;
}

int multicast_intervals_parse(
	const char *text, const char *path, struct multicast_intervals *out, struct err *e)
{
	struct multicast_intervals v = multicast_defaults;
	char copy[MULTICAST_TEXT_LEN], *save = NULL;
	int rc = 0;

	if (strlen(text) >= sizeof(copy))
		return err_set(e, -EINVAL, path, "the text is too long: name each interval once");
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, ", ", &save); w && rc == 0; w = strtok_r(NULL, ", ", &save))
		rc = read_word(w, path, &v, e);
	if (rc == 0 && v.response_ms >= v.query_ms)
		return err_set(e, -EINVAL, path,
			"response=%u is not less than query=%u: hosts must have answered before "
			"they are asked again",
			v.response_ms / 1000, v.query_ms / 1000);
	if (rc == 0)
		*out = v;
	return rc;
}

const char *multicast_intervals_print(
	const struct multicast_intervals *v, char buf[MULTICAST_TEXT_LEN])
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		uint32_t n = value_of(v, i);
		const char *comma = at > 0 ? "," : "";

		if (n == value_of(&multicast_defaults, i) || n == 0)
			continue;
		if (words[i].is_count)
			at += (size_t)snprintf(buf + at, MULTICAST_TEXT_LEN - at, "%s%s=%u", comma,
				words[i].name, n);
		else if (n % 1000 == 0)
			at += (size_t)snprintf(buf + at, MULTICAST_TEXT_LEN - at, "%s%s=%u", comma,
				words[i].name, n / 1000);
		else
			at += (size_t)snprintf(buf + at, MULTICAST_TEXT_LEN - at, "%s%s=%u.%03u",
				comma, words[i].name, n / 1000, n % 1000);
	}
	return buf;
}

bool multicast_is_mac(const struct multicast_group *g)
{
	return g->group.b[0] == 1;
}

/* Is it a group that can be told from what everybody hears? */
static const char *group_fault(const struct multicast_group *g)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t link_local[5] = { 1, 0x80, 0xc2, 0, 0 };
	const uint8_t *a = g->group.b;

	if (multicast_is_mac(g)) {
		if ((a[10] & 1) == 0 || (a[10] & a[11] & a[12] & a[13] & a[14] & a[15]) == 0xff)
			return "is no multicast MAC";
		if (memcmp(a + 10, link_local, 5) == 0)
			return "is one of those that bridges keep for themselves";
		return memcmp(a + 10, "\x01\x00\x5e", 3) == 0 || memcmp(a + 10, "\x33\x33", 2) == 0
			? "is the MAC of an IP group: write the IP address"
			: NULL;
	}
	if (ip_is_v4(&g->group)) {
		if (a[12] >> 4 != 0xe)
			return "is no multicast address: those are 224.0.0.0 to 239.255.255.255";
		return a[12] == 224 && a[13] == 0 && a[14] == 0
			? "is heard by everybody: 224.0.0.0/24 is never filtered"
			: NULL;
	}
	if (a[0] != 0xff)
		return "is no multicast address: those begin with ff";
	return memcmp(a, all_nodes, 16) == 0 ? "is heard by everybody: ff02::1 is never filtered"
					     : NULL;
}

static bool read_group(const char *text, struct multicast_group *out)
{
	struct mac mac;

	if (mac_parse(text, &mac) == 0) {
		out->group.b[0] = 1;
		memcpy(out->group.b + 10, mac.b, 6);
		return true;
	}
	return ip_parse(text, &out->group) == 0;
}

static bool is_possible_source(const struct multicast_group *g)
{
	static const uint8_t zeros[16];
	const uint8_t *a = g->source.b;

	if (multicast_is_mac(g) || ip_is_v4(&g->source) != ip_is_v4(&g->group))
		return false;
	if (ip_is_v4(&g->source))
		return a[12] != 0 && a[12] >> 4 != 0xe;
	return a[0] != 0xff && memcmp(a, zeros, 16) != 0;
}

int multicast_group_parse(
	const char *text, const char *path, struct multicast_group *out, struct err *e)
{
	char copy[MULTICAST_TEXT_LEN], *save = NULL, *w;
	const char *fault;
	uint32_t vid;

	*out = (struct multicast_group){ .vid = 0 };
	snprintf(copy, sizeof(copy), "%s", text);
	w = strtok_r(copy, ",", &save);
	if (w == NULL || !read_group(w, out))
		return err_set(e, -EINVAL, path,
			"'%.40s' is no group: write GROUP[,SOURCE][,vlan=VID], such as 239.1.1.1 "
			"or "
			"ff1e::1,fd00::5",
			text);
	fault = group_fault(out);
	if (fault != NULL)
		return err_set(e, -EINVAL, path, "%.40s %s", w, fault);
	while ((w = strtok_r(NULL, ",", &save)) != NULL) {
		if (strncmp(w, "vlan=", 5) == 0) {
			if (!read_number(w + 5, true, &vid) || vid == 0 || vid > 4094)
				return err_set(e, -EINVAL, path,
					"'%.16s' is no VLAN: write a number from 1 to 4094", w + 5);
			out->vid = (uint16_t)vid;
			continue;
		}
		if (out->has_source || ip_parse(w, &out->source) != 0 || !is_possible_source(out))
			return err_set(e, -EINVAL, path,
				"'%.40s' is no source for this group: write one unicast address of "
				"the same family",
				w);
		out->has_source = true;
	}
	return 0;
}

const char *multicast_addr_print(const uint8_t addr[16], char buf[IP_STR_LEN])
{
	struct ipaddr ip;
	struct mac mac;

	static_assert(IP_STR_LEN >= MAC_STR_LEN, "either fits");
	if (addr[0] == 1) {
		memcpy(mac.b, addr + 10, 6);
		return mac_print(&mac, buf);
	}
	memcpy(ip.b, addr, 16);
	return ip_print(&ip, buf);
}

const char *multicast_group_print(const struct multicast_group *g, char buf[MULTICAST_TEXT_LEN])
{
	char group[IP_STR_LEN], source[IP_STR_LEN], vlan[16] = "";

	if (g->vid != 0)
		snprintf(vlan, sizeof(vlan), ",vlan=%u", g->vid);
	snprintf(buf, MULTICAST_TEXT_LEN, "%s%s%s%s", multicast_addr_print(g->group.b, group),
		g->has_source ? "," : "", g->has_source ? ip_print(&g->source, source) : "", vlan);
	return buf;
}

bool multicast_group_is_same(const struct multicast_group *a, const struct multicast_group *b)
{
	return a->vid == b->vid && a->has_source == b->has_source
		&& memcmp(&a->group, &b->group, sizeof(a->group)) == 0
		&& memcmp(&a->source, &b->source, sizeof(a->source)) == 0;
}
