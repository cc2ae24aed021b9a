/* SPDX-License-Identifier: Apache-2.0 */
/* mirror_list.c - read and print whose packets a vif gets copies of; see mirror_list.h for the grammar.
 *
 * From: schema_vif.c, rpc_mirror.c.  To: model_check_mirror.c, snapshot_build.c.
 * Invariants: no two items of a list say the same; what an item asks of packets is within its bounds.
 * Thread: the daemon has one. */
#include "config/mirror_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protos[] = { { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "icmp6", IPPROTO_ICMPV6 }, { "sctp", IPPROTO_SCTP } };

static const char *const direction_words[]
	= { [SNAP_MIRROR_RX] = "rx", [SNAP_MIRROR_TX] = "tx", [SNAP_MIRROR_BOTH] = "both" };

/* A number from 1 to @max, which is all of @text; 0: it is none. */
static uint16_t read_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	n = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	return *end == '\0' && n <= max ? (uint16_t)n : 0;
}

static uint8_t read_proto(const char *text)
{
	for (unsigned i = 0; i < ARRAY_LEN(protos); i++)
		if (strcmp(text, protos[i].name) == 0)
			return protos[i].number;
	return (uint8_t)read_number(text, UINT8_MAX);
}

static bool read_net(const char *text, struct mirror_item *out)
{
	out->has_net = true;
	if (ipnet_parse(text, &out->net) == 0)
		return ipnet_is_network(&out->net);
	if (ip_parse(text, &out->net.addr) < 0)
		return false;
	out->net.len = ip_is_v4(&out->net.addr) ? 32 : 128;
	return true;
}

/* 0: @word is none. */
static uint8_t read_direction(const char *word)
{
	for (unsigned d = SNAP_MIRROR_RX; d <= SNAP_MIRROR_BOTH; d++)
		if (strcmp(word, direction_words[d]) == 0)
			return (uint8_t)d;
	return 0;
}

static bool read_word(const char *word, struct mirror_item *out)
{
	const char *value = strchr(word, '=');
	size_t len = value != NULL ? (size_t)(value++ - word) : 0;

	if (value == NULL)
		return out->directions == 0 && (out->directions = read_direction(word)) != 0;
	if (len == 4 && strncmp(word, "vlan", len) == 0 && out->vid == 0)
		return (out->vid = read_number(value, VLAN_VID_MAX)) != 0;
	if (len == 2 && strncmp(word, "ip", len) == 0 && !out->has_net)
		return read_net(value, out);
	if (len == 5 && strncmp(word, "proto", len) == 0 && out->proto == 0)
		return (out->proto = read_proto(value)) != 0;
	if (len == 4 && strncmp(word, "port", len) == 0 && out->port == 0)
		return (out->port = read_number(value, UINT16_MAX)) != 0;
	if (len == 5 && strncmp(word, "ether", len) == 0 && out->ether_type == 0)
		return (out->ether_type = read_number(value, UINT16_MAX)) >= 0x600;
	return false;
}

static bool read_item(const char *text, struct mirror_item *out)
{
	char copy[MIRROR_TEXT_LEN], *rest = copy, *word;

	memset(out, 0, sizeof(*out));
	if (strlen(text) >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%s", text);
	word = strsep(&rest, ",");
	if (word[0] == '\0' || strlen(word) >= sizeof(out->source))
		return false;
	snprintf(out->source, sizeof(out->source), "%s", word);
	while ((word = strsep(&rest, ",")) != NULL)
		if (!read_word(word, out))
			return false;
	return true;
}

int mirror_list_add(struct mirror_list *l, const char *text, const char *path, struct err *e)
{
	struct mirror_item item;

	if (!read_item(text, &item))
		return err_set(e, -EINVAL, path,
			"'%.60s' says no mirror: write the name of a vif or network, behind it "
			",rx or ,tx and what packets must have, as in "
			"web0,rx,vlan=10,ip=10.0.0.0/8,proto=tcp,port=443,ether=0x0800",
			text);
	if (item.port != 0 && item.proto != 0 && item.proto != IPPROTO_TCP
		&& item.proto != IPPROTO_UDP && item.proto != IPPROTO_SCTP)
		return err_set(e, -EINVAL, path,
			"'%.60s': only tcp, udp and sctp have ports: leave port= out", text);
	for (unsigned i = 0; i < l->n; i++)
		if (memcmp(&l->item[i], &item, sizeof(item)) == 0)
			return 0;
	if (l->n == MIRROR_VIF_MAX)
		return err_set(e, -E2BIG, path, "a vif can get copies of at most %d sources",
			MIRROR_VIF_MAX);
	l->item[l->n++] = item;
	return 0;
}

unsigned mirror_list_del(struct mirror_list *l, const char *text)
{
	bool is_name = strchr(text, ',') == NULL;
	struct mirror_item item;
	unsigned kept = 0, n = l->n;

	if (!read_item(text, &item))
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (is_name ? strcmp(l->item[i].source, item.source) != 0
			    : memcmp(&l->item[i], &item, sizeof(item)) != 0)
			l->item[kept++] = l->item[i];
	memset(&l->item[kept], 0, (n - kept) * sizeof(l->item[0]));
	l->n = kept;
	return n - kept;
}

uint8_t mirror_list_directions(const struct mirror_item *item, bool is_network)
{
	if (item->directions != 0)
		return item->directions;
	return is_network ? SNAP_MIRROR_RX : SNAP_MIRROR_BOTH;
}

const char *mirror_list_direction_name(uint8_t directions)
{
	return direction_words[directions];
}

static size_t append_net(const struct mirror_item *item, char *buf, size_t at)
{
	bool is_one = item->net.len == (ip_is_v4(&item->net.addr) ? 32 : 128);
	char net[IPNET_STR_LEN];

	if (!item->has_net)
		return at;
	return at
		+ (size_t)snprintf(buf + at, MIRROR_TEXT_LEN - at, ",ip=%s",
			is_one ? ip_print(&item->net.addr, net) : ipnet_print(&item->net, net));
}

static size_t append_proto(const struct mirror_item *item, char *buf, size_t at)
{
	for (unsigned i = 0; i < ARRAY_LEN(protos); i++)
		if (protos[i].number == item->proto)
			return at
				+ (size_t)snprintf(buf + at, MIRROR_TEXT_LEN - at, ",proto=%s",
					protos[i].name);
	if (item->proto == 0)
		return at;
	return at + (size_t)snprintf(buf + at, MIRROR_TEXT_LEN - at, ",proto=%u", item->proto);
}

/* What the packets must have, each word behind a comma. */
static void append_filter(const struct mirror_item *item, char *buf, size_t at)
{
	at = append_net(item, buf, at);
	at = append_proto(item, buf, at);
	if (item->port != 0)
		at += (size_t)snprintf(buf + at, MIRROR_TEXT_LEN - at, ",port=%u", item->port);
	if (item->ether_type != 0)
		snprintf(buf + at, MIRROR_TEXT_LEN - at, ",ether=0x%04x", item->ether_type);
}

const char *mirror_list_filter(const struct mirror_item *item, char buf[MIRROR_TEXT_LEN])
{
	buf[0] = '\0';
	append_filter(item, buf, 0);
	return buf[0] == ',' ? buf + 1 : buf;
}

const char *mirror_list_print(const struct mirror_item *item, char buf[MIRROR_TEXT_LEN])
{
	size_t at = (size_t)snprintf(buf, MIRROR_TEXT_LEN, "%s", item->source);

	if (item->directions != 0)
		at += (size_t)snprintf(
			buf + at, MIRROR_TEXT_LEN - at, ",%s", direction_words[item->directions]);
	if (item->vid != 0)
		at += (size_t)snprintf(buf + at, MIRROR_TEXT_LEN - at, ",vlan=%u", item->vid);
	append_filter(item, buf, at);
	return buf;
}
