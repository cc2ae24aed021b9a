/* SPDX-License-Identifier: Apache-2.0 */
/* nft_match.c - compare what a rule asks for with what is known of the packets that take a way.
 *
 * From: nft_foreign.c.  To: jansson.
 * Theory: known are the device, the guests' and the transit's addresses on its side, and that guests
 * begin connections and answers belong to one.  What a named set or map holds is not known: it may
 * hold us.  All else (ports, marks, the other device) makes a match hold for some.
 * Invariants: the ruleset is hostile as any input is: no type is taken for granted.
 * Thread: the daemon's only one. */
#include "config/nft_match.h"

#include "config/actual.h"

#include <string.h>

/* How much of one thing may be meant by the right side of a match. */
enum meant {
	MEANT_NOT,
	MEANT_MAYBE,
	MEANT_SURELY,
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

bool nft_is_name_match(const char *pattern, char wildcard, const char *ifname)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == wildcard)
		return strncmp(pattern, ifname, n - 1) == 0;
	return strcmp(pattern, ifname) == 0;
}

static enum meant one_name(const json_t *value, const struct nft_way *way)
{
	const char *text = json_string_value(value);

	if (text == NULL || text[0] == '@')
		return MEANT_MAYBE;
	return nft_is_name_match(text, '*', way->ifname) ? MEANT_SURELY : MEANT_NOT;
}

/* Is a connection's state the one that packets on @way have? */
static enum meant one_state(const json_t *value, const struct nft_way *way)
{
	const char *text = json_string_value(value);

	if (text == NULL || text[0] == '@')
		return MEANT_MAYBE;
	return strcmp(text, way->is_outward ? "established" : "new") == 0 ? MEANT_SURELY
									  : MEANT_NOT;
}

static bool is_ours(const struct ipnet *net, const struct nft_way *way)
{
	const struct network_cfg *n = way->network;
	const struct transit *t = way->transit;
	bool is_v4 = ip_is_v4(&net->addr);

	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == is_v4 && ipnet_overlaps(&n->subnet[i], net))
			return true;
	return t != NULL && ipnet_contains(net, is_v4 ? &t->router4 : &t->router6);
}

/* One that holds addresses of ours may hold others, so that nothing is sure. */
static enum meant one_address(const json_t *value, const struct nft_way *way)
{
	const json_t *prefix = json_object_get(value, "prefix");
	const char *text = prefix != NULL ? text_of(prefix, "addr") : json_string_value(value);
	json_int_t len = json_integer_value(json_object_get(prefix, "len"));
	struct ipnet net = { 0 };

	if (text == NULL || ip_parse(text, &net.addr) != 0)
		return MEANT_MAYBE; /* a range, a named set */
	if (prefix == NULL)
		len = ip_is_v4(&net.addr) ? 32 : 128;
	if (len < 0 || len > (ip_is_v4(&net.addr) ? 32 : 128))
		return MEANT_MAYBE;
	net.len = (uint8_t)len;
	return is_ours(&net, way) ? MEANT_MAYBE : MEANT_NOT;
}

/* A value of several parts: ours is the part that speaks of the device. */
static enum meant one_concat(const json_t *value, const struct nft_way *way)
{
	const json_t *parts = json_object_get(value, "concat");

	if (!json_is_array(parts))
		return MEANT_MAYBE;
	for (size_t i = 0; i < json_array_size(parts); i++)
		if (one_name(json_array_get(parts, i), way) == MEANT_SURELY)
			return MEANT_MAYBE;
	return MEANT_NOT;
}

/* The most that is meant by any element of a list, of a set or by the value itself. */
static enum meant any_of(const json_t *right, const struct nft_way *way,
	enum meant (*one)(const json_t *value, const struct nft_way *way))
{
	const json_t *set = json_object_get(right, "set");
	enum meant most = MEANT_NOT;

	if (set == NULL && json_is_array(right))
		set = right;
	if (set == NULL)
		return one(right, way);
	if (!json_is_array(set))
		return MEANT_MAYBE;
	for (size_t i = 0; i < json_array_size(set); i++)
		most = MAX(most, one(json_array_get(set, i), way));
	return most;
}

static enum nft_match match_of_meant(enum meant meant, bool is_not)
{
	if (meant == MEANT_MAYBE)
		return NFT_MATCH_OURS;
	if (meant == MEANT_SURELY)
		return is_not ? NFT_MATCH_NONE : NFT_MATCH_ALL;
	return is_not ? NFT_MATCH_ANY : NFT_MATCH_NONE;
}

static enum nft_match match_of_state(enum meant meant, bool is_not)
{
	if (meant == MEANT_MAYBE)
		return NFT_MATCH_SOME;
	return (meant == MEANT_SURELY) != is_not ? NFT_MATCH_ANY : NFT_MATCH_NONE;
}

/* What the left side of a match, or the key of a map, speaks of. */
enum subject {
	SUBJECT_OTHER,
	SUBJECT_DEVICE,
	SUBJECT_LIKE_DEVICE, /* its group, kind, ... */
	SUBJECT_STATE,
	SUBJECT_ADDRESS,
	SUBJECT_CONCAT, /* several things, the device among them */
};

static enum subject subject_of(const json_t *left, const struct nft_way *way)
{
	const char *meta = text_of(json_object_get(left, "meta"), "key");
	const char *own = way->is_outward ? "oif" : "iif";
	const json_t *payload = json_object_get(left, "payload");
	const json_t *parts = json_object_get(left, "concat");

	if (strncmp(meta, own, 3) == 0)
		return meta[3] == '\0' || strcmp(meta + 3, "name") == 0 ? SUBJECT_DEVICE
									: SUBJECT_LIKE_DEVICE;
	if (strcmp(text_of(json_object_get(left, "ct"), "key"), "state") == 0)
		return SUBJECT_STATE;
	if (strcmp(text_of(payload, "field"), way->is_outward ? "daddr" : "saddr") == 0
		&& strncmp(text_of(payload, "protocol"), "ip", 2) == 0)
		return SUBJECT_ADDRESS;
	for (size_t i = 0; i < json_array_size(parts); i++)
		if (strncmp(text_of(json_object_get(json_array_get(parts, i), "meta"), "key"), own,
			    3)
			== 0)
			return SUBJECT_CONCAT;
	return SUBJECT_OTHER;
}

enum nft_match nft_match_of(const json_t *match, const struct nft_way *way)
{
	const json_t *right = json_object_get(match, "right");
	bool is_not = strcmp(text_of(match, "op"), "!=") == 0;

	switch (subject_of(json_object_get(match, "left"), way)) {
	case SUBJECT_DEVICE: return match_of_meant(any_of(right, way, one_name), is_not);
	case SUBJECT_STATE: return match_of_state(any_of(right, way, one_state), is_not);
	case SUBJECT_ADDRESS: return match_of_meant(any_of(right, way, one_address), is_not);
	case SUBJECT_CONCAT: return match_of_meant(any_of(right, way, one_concat), is_not);
	case SUBJECT_LIKE_DEVICE: return NFT_MATCH_OURS;
	case SUBJECT_OTHER: break;
	}
	return NFT_MATCH_SOME;
}

bool nft_map_may_accept(const json_t *vmap, const struct nft_way *way)
{
	const json_t *set = json_object_get(json_object_get(vmap, "data"), "set");
	enum subject subject = subject_of(json_object_get(vmap, "key"), way);

	if (subject == SUBJECT_OTHER)
		return false;
	if (!json_is_array(set) || subject == SUBJECT_LIKE_DEVICE)
		return true;
	for (size_t i = 0; i < json_array_size(set); i++) {
		const json_t *pair = json_array_get(set, i);
		const json_t *key = json_array_get(pair, 0);
		const json_t *verdict = json_array_get(pair, 1);
		enum meant meant = subject == SUBJECT_STATE ? one_state(key, way)
			: subject == SUBJECT_ADDRESS        ? one_address(key, way)
			: subject == SUBJECT_CONCAT         ? one_concat(key, way)
							    : one_name(key, way);

		if (meant != MEANT_NOT
			&& (subject != SUBJECT_STATE || json_object_get(verdict, "drop") == NULL))
			return true;
	}
	return false;
}
