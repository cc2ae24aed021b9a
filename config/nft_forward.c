/* SPDX-License-Identifier: Apache-2.0 */
/* nft_forward.c - find forward chains of others that drop our packets, and say what to do.
 * From: reconcile_network.c, reconcile_check.c.  To: the `nft` program, jansson.
 * Theory: an accept of ours never overrules somebody else's drop, so that Docker's and firewalld's
 * policies break uplink host without a trace.  A chain is suspect when it hooks forward and drops or
 * rejects by policy or by its last rule; it is cleared for a network when its table has a rule that
 * names the network's transit.  Nobody's rules are touched.  Thread: the daemon's only one. */
#include "config/nft_forward.h"

#include "config/spawn.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULESET_MAX (4u << 20)
#define NFT_TIMEOUT_MS 5000

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static bool is_in_table(const json_t *object, const char *family, const char *table)
{
	return strcmp(word(object, "family"), family) == 0
		&& strcmp(word(object, "table"), table) == 0;
}

/* Does the last rule of the chain drop or reject whatever comes to it? */
static bool ends_in_drop(const json_t *list, const json_t *chain)
{
	const json_t *item, *last = NULL;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");

		if (rule != NULL && is_in_table(rule, word(chain, "family"), word(chain, "table"))
			&& strcmp(word(rule, "chain"), word(chain, "name")) == 0)
			last = rule;
	}
	json_array_foreach(json_object_get(last, "expr"), i, item)
	{
		if (json_object_get(item, "match") != NULL)
			return false;
		if (json_object_get(item, "drop") != NULL
			|| json_object_get(item, "reject") != NULL)
			return true;
	}
	return false;
}

/* Does any text in @value, however deep it stands, equal @text?  The depth is nft's, not a guest's. */
static bool holds_text(const json_t *value, const char *text, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value))
		return strcmp(json_string_value(value), text) == 0;
	if (depth == 0)
		return false;
	json_array_foreach(value, i, member) if (holds_text(member, text, depth - 1)) return true;
	if (json_is_object(value))
		json_object_foreach((json_t *)(uintptr_t)value, key,
			member) if (holds_text(member, text, depth - 1)) return true;
	return false;
}

static void look_for_knowledge(
	const json_t *list, const struct nft_leg *legs, unsigned n, struct nft_forward_drop *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");
		const json_t *chain = json_object_get(item, "chain");

		if (chain != NULL && is_in_table(chain, f->family, f->table)
			&& strcmp(word(chain, "name"), "DOCKER-USER") == 0)
			f->has_docker_user = true;
		if (rule == NULL || !is_in_table(rule, f->family, f->table))
			continue;
		for (unsigned k = 0; k < n; k++)
			if (legs[k].transit_ifname != NULL
				&& holds_text(
					json_object_get(rule, "expr"), legs[k].transit_ifname, 8))
				f->knows[legs[k].network->id] = true;
	}
}

unsigned nft_forward_parse(const char *json, const char *own_table, const struct nft_leg *legs,
	unsigned n, struct nft_forward_drop out[NFT_FORWARD_MAX])
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *list = json_object_get(root, "nftables"), *item;
	unsigned count = 0;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *chain = json_object_get(item, "chain");
		struct nft_forward_drop *f = &out[count];

		if (count == NFT_FORWARD_MAX || chain == NULL
			|| strcmp(word(chain, "hook"), "forward") != 0
			|| strcmp(word(chain, "type"), "filter") != 0
			|| strcmp(word(chain, "table"), own_table) == 0
			|| (strcmp(word(chain, "policy"), "drop") != 0
				&& !ends_in_drop(list, chain)))
			continue;
		memset(f, 0, sizeof(*f));
		snprintf(f->family, sizeof(f->family), "%s", word(chain, "family"));
		snprintf(f->table, sizeof(f->table), "%s", word(chain, "table"));
		snprintf(f->chain, sizeof(f->chain), "%s", word(chain, "name"));
		f->is_iptables = strcmp(f->table, "filter") == 0 && strcmp(f->chain, "FORWARD") == 0
			&& strcmp(f->family, "inet") != 0;
		look_for_knowledge(list, legs, n, f);
		count++;
	}
	json_decref(root);
	return count;
}

unsigned nft_forward_scan(const char *own_table, const struct nft_leg *legs, unsigned n,
	struct nft_forward_drop out[NFT_FORWARD_MAX])
{
	static const char *const argv[] = { "nft", "-j", "list", "ruleset", NULL };
	char *text = malloc(RULESET_MAX);
	unsigned count = 0;

	/* A ruleset that does not fit is no JSON any more and tells nothing. */
	if (text != NULL && spawn_run(argv, "", text, RULESET_MAX, NFT_TIMEOUT_MS, NULL) == 0)
		count = nft_forward_parse(text, own_table, legs, n, out);
	free(text);
	return count;
}

void nft_forward_cure(const struct nft_forward_drop *f, const char *ifname, char *buf, size_t size)
{
	const char *tool = strcmp(f->family, "ip6") == 0 ? "ip6tables" : "iptables";
	const char *chain = f->has_docker_user ? "DOCKER-USER" : f->chain;

	if (f->is_iptables)
		snprintf(buf, size, "%s -I %s -i %s -j ACCEPT; %s -I %s -o %s -j ACCEPT", tool,
			chain, ifname, tool, chain, ifname);
	else if (strcmp(f->table, "firewalld") == 0)
		snprintf(buf, size,
			"firewall-cmd --permanent --zone=trusted --add-interface=%s && "
			"firewall-cmd "
			"--reload",
			ifname);
	else
		snprintf(buf, size,
			"nft insert rule %s %.40s %.40s iifname %s accept; nft insert rule %s "
			"%.40s "
			"%.40s oifname %s accept",
			f->family, f->table, f->chain, ifname, f->family, f->table, f->chain,
			ifname);
}
