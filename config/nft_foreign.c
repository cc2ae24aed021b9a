/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign.c - walk the chains of other tables as a packet of a leg or transit would.
 *
 * From: reconcile_check.c, when somebody asks for the state.  To: nft_match.c, nft_legacy.c, the
 * `nft` program, jansson.
 * Theory: only what decides about every packet of the way counts, so that a chain "allow ssh, drop
 * the rest" is found: rules with other conditions (a port, a mark) are stepped over, and what they
 * jump to decides nothing either.  To accuse a harmless chain would be worse than to miss a bad one:
 * what is not understood counts as an accept, and so does a rule that names the way's device or
 * addresses and accepts anything.
 * Invariants: the ruleset is hostile as any input is: depth and length of the walk are bounded.
 * Thread: the daemon's only one. */
#include "config/nft_foreign.h"

#include "config/nft_legacy.h"
#include "config/nft_match.h"
#include "config/spawn.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULESET_MAX (4 << 20)
#define READ_TIMEOUT_MS 2000
#define DEPTH_MAX 16
#define STEPS_MAX 1000000

struct nft_rules {
	json_t *root;
	json_t *list; /* its objects; borrowed */
	char *legacy[2]; /* iptables-legacy-save, ip6tables-legacy-save; NULL: not in use */
};

enum fate {
	FATE_GOES_ON, /* nothing here decides */
	FATE_ACCEPTED, /* or cannot be told */
	FATE_REFUSED,
};

struct place {
	const char *family, *table, *chain;
};

/* Which packets come this far. */
struct reach {
	bool is_some; /* not all of the way's */
	bool is_ours; /* a condition has named the way */
};

struct walk {
	const json_t *list; /* the ruleset's objects */
	const struct nft_way *way;
	unsigned steps;
	const char *verdict; /* of the rule that refused */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static bool is_in(const json_t *object, const struct place *at, const char *name_key)
{
	return strcmp(text_of(object, "family"), at->family) == 0
		&& strcmp(text_of(object, "table"), at->table) == 0
		&& strcmp(text_of(object, name_key), at->chain) == 0;
}

static bool is_harmless(const char *statement)
{
	static const char *const words[]
		= { "counter", "log", "comment", "notrack", "mangle", "ct helper", "set", "flow" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(statement, words[i]) == 0)
			return true;
	return false;
}

/* A statement that is no verdict: may the rule's verdict still be reached?  Narrows @reach. */
static bool is_passed(struct walk *w, const char *word, const json_t *value, struct reach *reach)
{
	enum nft_match match = NFT_MATCH_ANY;

	if (strcmp(word, "match") == 0) {
		match = nft_match_of(value, w->way);
	} else if (strcmp(word, "xt") == 0) { /* of iptables; what it asks for is not printed */
		match = NFT_MATCH_SOME;
		reach->is_ours = reach->is_ours || w->way->is_outward;
	} else if (strcmp(word, "limit") == 0 || strcmp(word, "quota") == 0) {
		match = NFT_MATCH_SOME;
	}
	reach->is_some = reach->is_some || match == NFT_MATCH_SOME || match == NFT_MATCH_OURS;
	reach->is_ours = reach->is_ours || match == NFT_MATCH_OURS || match == NFT_MATCH_ALL;
	return match != NFT_MATCH_NONE;
}

static bool is_statement(const char *word)
{
	return strcmp(word, "match") == 0 || strcmp(word, "xt") == 0 || strcmp(word, "limit") == 0
		|| strcmp(word, "quota") == 0 || is_harmless(word);
}

static enum fate chain_fate(
	struct walk *w, const struct place *at, struct reach reach, unsigned depth);

/* What a rule's verdict does with the packets that @reach it. */
static enum fate verdict_fate(struct walk *w, const struct place *at, const char *word,
	const json_t *value, struct reach reach, unsigned depth)
{
	bool is_drop = strcmp(word, "drop") == 0;

	if (is_drop || strcmp(word, "reject") == 0) {
		if (reach.is_some)
			return FATE_GOES_ON;
		w->verdict = is_drop ? "drop" : "reject";
		return FATE_REFUSED;
	}
	if (strcmp(word, "jump") == 0 || strcmp(word, "goto") == 0) {
		struct place to = *at;

		to.chain = text_of(value, "target");
		return chain_fate(w, &to, reach, depth + 1);
	}
	if (strcmp(word, "return") == 0)
		return FATE_GOES_ON;
	if (strcmp(word, "vmap") == 0)
		return nft_map_may_accept(value, w->way) ? FATE_ACCEPTED : FATE_GOES_ON;
	/* accept, queue, and what is not known */
	return reach.is_some && !reach.is_ours ? FATE_GOES_ON : FATE_ACCEPTED;
}

/* *is_last: no packet that came to this rule comes to the next. */
static enum fate rule_fate(struct walk *w, const struct place *at, const json_t *rule,
	struct reach reach, unsigned depth, bool *is_last)
{
	struct reach own = { .is_ours = reach.is_ours };
	size_t i;
	json_t *statement;

	*is_last = false;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const char *word = json_object_iter_key(json_object_iter(statement));
		const json_t *value = json_object_get(statement, word != NULL ? word : "");

		if (word == NULL)
			return FATE_ACCEPTED;
		if (is_statement(word)) {
			if (!is_passed(w, word, value, &own))
				return FATE_GOES_ON;
			continue;
		}
		*is_last = !own.is_some && strcmp(word, "jump") != 0 && strcmp(word, "vmap") != 0;
		own.is_some = own.is_some || reach.is_some;
		return verdict_fate(w, at, word, value, own, depth);
	}
	return FATE_GOES_ON;
}

/* Bounded by DEPTH_MAX: chains cannot call themselves, but who says that this text is true? */
static enum fate chain_fate(
	struct walk *w, const struct place *at, struct reach reach, unsigned depth)
{
	size_t i;
	json_t *object;

	if (depth > DEPTH_MAX)
		return FATE_ACCEPTED;
	json_array_foreach((json_t *)(uintptr_t)w->list, i, object)
	{
		const json_t *rule = json_object_get(object, "rule");
		bool is_last;

		if (++w->steps > STEPS_MAX)
			return FATE_ACCEPTED;
		if (rule == NULL || !is_in(rule, at, "chain"))
			continue;
		enum fate fate = rule_fate(w, at, rule, reach, depth, &is_last);

		if (fate != FATE_GOES_ON || is_last)
			return fate;
	}
	return FATE_GOES_ON;
}

static bool has_chain(const json_t *list, const struct place *like, const char *chain)
{
	struct place at = { like->family, like->table, chain };

	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_in(json_object_get(json_array_get(list, i), "chain"), &at, "name"))
			return true;
	return false;
}

/* In the words of whoever wrote the table, where we know who did: he rewrites it some day. */
static void write_cure(const json_t *list, const struct place *at, const struct nft_way *way,
	struct nft_obstacle *out)
{
	bool is_iptables = strcmp(at->table, "filter") == 0 && strcmp(at->family, "inet") != 0
		&& strcmp(at->chain, way->is_forward ? "FORWARD" : "INPUT") == 0;
	const char *dev = way->ifname;
	char *cure = out->cure;
	size_t size = sizeof(out->cure);

	if (strcmp(at->table, "firewalld") == 0)
		snprintf(cure, size,
			"firewall-cmd --permanent --zone=trusted --add-interface=%s && "
			"firewall-cmd --reload",
			dev);
	else if (has_chain(list, at, "ufw-before-input"))
		snprintf(cure, size,
			way->is_forward ? "ufw route allow in on %s; ufw route allow out on %s"
					: "ufw allow in on %s",
			dev, dev);
	else if (is_iptables)
		nft_legacy_cure(strcmp(at->family, "ip6") == 0 ? "ip6tables" : "iptables",
			has_chain(list, at, "DOCKER-USER") ? "DOCKER-USER" : "FORWARD", way, cure,
			size);
	else if (way->is_forward)
		snprintf(cure, size,
			"nft insert rule %s %.40s %.40s iifname %s accept; nft insert rule %s "
			"%.40s %.40s oifname %s accept",
			at->family, at->table, at->chain, dev, at->family, at->table, at->chain,
			dev);
	else
		snprintf(cure, size,
			"nft insert rule %.16s %.40s %.40s iifname %s accept (and into "
			"/etc/nftables.conf)",
			at->family, at->table, at->chain, dev);
}

static bool is_on_way(const json_t *chain, const char *own_table, const struct nft_way *way)
{
	const char *family = text_of(chain, "family");
	bool is_v4 = strcmp(family, "ip") == 0, is_v6 = strcmp(family, "ip6") == 0;

	return strcmp(text_of(chain, "hook"), way->is_forward ? "forward" : "input") == 0
		&& strcmp(text_of(chain, "type"), "filter") == 0
		&& (strcmp(family, "inet") == 0 || (is_v4 && network_has_family(way->network, true))
			|| (is_v6 && network_has_family(way->network, false)))
		&& strcmp(text_of(chain, "table"), own_table) != 0;
}

static bool is_refused_by(const json_t *list, const json_t *chain, const struct nft_way *way,
	struct nft_obstacle *out)
{
	struct walk w = { .list = list, .way = way };
	struct place at
		= { text_of(chain, "family"), text_of(chain, "table"), text_of(chain, "name") };
	enum fate fate = chain_fate(&w, &at, (struct reach){ 0 }, 0);

	if (fate == FATE_GOES_ON && strcmp(text_of(chain, "policy"), "drop") == 0) {
		fate = FATE_REFUSED;
		w.verdict = "policy drop";
	}
	if (fate != FATE_REFUSED)
		return false;
	*out = (struct nft_obstacle){ 0 };
	snprintf(out->family, sizeof(out->family), "%s", at.family);
	snprintf(out->table, sizeof(out->table), "%s", at.table);
	snprintf(out->chain, sizeof(out->chain), "%s", at.chain);
	snprintf(out->verdict, sizeof(out->verdict), "%s", w.verdict);
	write_cure(list, &at, way, out);
	return true;
}

bool nft_foreign_find(const struct nft_rules *rules, const char *own_table,
	const struct nft_way *way, struct nft_obstacle *out)
{
	for (size_t i = 0; i < json_array_size(rules->list); i++) {
		const json_t *chain = json_object_get(json_array_get(rules->list, i), "chain");

		if (is_on_way(chain, own_table, way) && is_refused_by(rules->list, chain, way, out))
			return true;
	}
	for (unsigned i = 0; i < ARRAY_LEN(rules->legacy); i++)
		if (rules->legacy[i] != NULL && network_has_family(way->network, i == 0)
			&& nft_legacy_find(rules->legacy[i], i == 0, way, out))
			return true;
	return false;
}

void nft_rules_destroy(struct nft_rules *rules)
{
	if (rules == NULL)
		return;
	json_decref(rules->root);
	free(rules->legacy[0]);
	free(rules->legacy[1]);
	free(rules);
}

struct nft_rules *nft_rules_parse(const char *json, const char *legacy4, const char *legacy6)
{
	struct nft_rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL)
		return NULL;
	rules->root = json_loads(json, 0, NULL);
	rules->list = json_object_get(rules->root, "nftables");
	rules->legacy[0] = legacy4 != NULL ? strdup(legacy4) : NULL;
	rules->legacy[1] = legacy6 != NULL ? strdup(legacy6) : NULL;
	if (json_is_array(rules->list))
		return rules;
	nft_rules_destroy(rules);
	return NULL;
}

struct nft_rules *nft_rules_read(void)
{
	static const char *const argv[] = { "nft", "-j", "-t", "list", "ruleset", NULL };
	char *text = malloc(RULESET_MAX);
	char *legacy4 = nft_legacy_read(true), *legacy6 = nft_legacy_read(false);
	struct nft_rules *rules = NULL;

	/* A ruleset that does not fit is no JSON any more and tells nothing. */
	if (text != NULL && spawn_run(argv, "", text, RULESET_MAX, READ_TIMEOUT_MS, NULL) == 0)
		rules = nft_rules_parse(text, legacy4, legacy6);
	free(text);
	free(legacy4);
	free(legacy6);
	return rules;
}
