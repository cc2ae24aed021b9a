/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign.c - walk the input chains of other tables as a packet from a leg would.
 *
 * From: reconcile_check.c, when somebody asks for the state.  To: the `nft` program, jansson.
 * Theory: only what decides about every packet counts: rules without conditions, and rules whose
 * only condition is the leg as input device.  Rules with other conditions (a port, an address, a
 * connection's state) decide about some packets and are stepped over, so that a chain "allow ssh,
 * drop the rest" is found.  To accuse a harmless chain would be worse than to miss a bad one: what is
 * not understood counts as an accept, and so does a rule that names the leg and accepts anything.
 * Rules of iptables-legacy are not visible to nft and are missed.
 * Invariants: the ruleset is hostile as any input is: depth and length of the walk are bounded.
 * Thread: the daemon's only one. */
#include "config/nft_foreign.h"

#include "config/spawn.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULESET_MAX (4 << 20)
#define READ_TIMEOUT_MS 2000
#define DEPTH_MAX 16
#define STEPS_MAX 1000000

enum fate {
	FATE_GOES_ON, /* nothing here decides */
	FATE_ACCEPTED, /* or cannot be told */
	FATE_REFUSED,
};

struct place {
	const char *family, *table, *chain;
};

struct walk {
	const json_t *list; /* the ruleset's objects */
	const char *leg;
	unsigned steps;
	const char *verdict; /* of the rule that refused */
};

char *nft_foreign_read(void)
{
	static const char *const argv[] = { "nft", "-j", "-t", "list", "ruleset", NULL };
	char *text = malloc(RULESET_MAX);

	if (text != NULL && spawn_run(argv, "", text, RULESET_MAX, READ_TIMEOUT_MS, NULL) == 0)
		return text;
	free(text);
	return NULL;
}

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

static bool is_name_match(const char *pattern, const char *leg)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, leg, n - 1) == 0;
	return strcmp(pattern, leg) == 0;
}

/* The right side of a match on the input device: a name, a set of names, or the name of a set, which
 * may hold anything. */
static bool may_name_leg(const json_t *right, const char *leg)
{
	const json_t *set = json_object_get(right, "set");
	size_t i;
	const json_t *one;

	if (json_is_string(right))
		return json_string_value(right)[0] == '@'
			|| is_name_match(json_string_value(right), leg);
	if (!json_is_array(set))
		return true;
	json_array_foreach((json_t *)(uintptr_t)set, i, one) if (!json_is_string(one)
		|| is_name_match(json_string_value(one), leg)) return true;
	return false;
}

enum match {
	MATCH_ALL, /* every packet from the leg */
	MATCH_NONE,
	MATCH_SOME,
};

static enum match match_of(const json_t *match, const char *leg)
{
	const char *key = text_of(json_object_get(json_object_get(match, "left"), "meta"), "key");
	const char *op = text_of(match, "op");

	if (strcmp(key, "iifname") != 0 && strcmp(key, "iif") != 0)
		return MATCH_SOME;
	bool is_named = may_name_leg(json_object_get(match, "right"), leg);

	if (strcmp(op, "!=") == 0)
		return is_named ? MATCH_NONE : MATCH_ALL;
	return is_named ? MATCH_ALL : MATCH_NONE;
}

static bool is_harmless(const char *statement)
{
	static const char *const words[]
		= { "counter", "log", "comment", "notrack", "mangle", "ct helper" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(statement, words[i]) == 0)
			return true;
	return false;
}

/* A verdict map decides about every packet from the leg only when its key is the input device. */
static enum fate map_fate(const json_t *vmap, const char *leg)
{
	const char *key = text_of(json_object_get(json_object_get(vmap, "key"), "meta"), "key");
	const json_t *set = json_object_get(json_object_get(vmap, "data"), "set");
	size_t i;
	const json_t *pair;

	if (strcmp(key, "iifname") != 0 && strcmp(key, "iif") != 0)
		return FATE_GOES_ON;
	if (!json_is_array(set))
		return FATE_ACCEPTED;
	json_array_foreach((json_t *)(uintptr_t)set, i,
		pair) if (may_name_leg(json_array_get(pair, 0), leg)) return FATE_ACCEPTED;
	return FATE_GOES_ON;
}

static enum fate chain_fate(struct walk *w, const struct place *at, unsigned depth);

/* What a rule's last statement does, once its conditions hold for every packet. */
static enum fate verdict_fate(struct walk *w, const struct place *at, const char *word,
	const json_t *value, unsigned depth, bool *is_final)
{
	*is_final = true;
	if (strcmp(word, "drop") == 0 || strcmp(word, "reject") == 0) {
		w->verdict = strcmp(word, "drop") == 0 ? "drop" : "reject";
		return FATE_REFUSED;
	}
	if (strcmp(word, "jump") == 0 || strcmp(word, "goto") == 0) {
		struct place to = *at;

		to.chain = text_of(value, "target");
		*is_final = strcmp(word, "goto") == 0;
		return chain_fate(w, &to, depth + 1);
	}
	if (strcmp(word, "return") == 0)
		return FATE_GOES_ON;
	if (strcmp(word, "vmap") == 0) {
		*is_final = false;
		return map_fate(value, w->leg);
	}
	return FATE_ACCEPTED; /* accept, queue, and what is not known */
}

static enum fate rule_fate(
	struct walk *w, const struct place *at, const json_t *rule, unsigned depth, bool *is_final)
{
	bool is_for_some = false, names_leg = false;
	size_t i;
	json_t *statement;

	*is_final = false;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const char *word = json_object_iter_key(json_object_iter(statement));
		const json_t *value = json_object_get(statement, word != NULL ? word : "");
		enum match match;

		if (word == NULL)
			return FATE_ACCEPTED;
		if (strcmp(word, "match") == 0) {
			match = match_of(value, w->leg);
			if (match == MATCH_NONE)
				return FATE_GOES_ON;
			is_for_some = is_for_some || match == MATCH_SOME;
			names_leg = names_leg || match == MATCH_ALL;
		} else if (strcmp(word, "limit") == 0 || strcmp(word, "quota") == 0
			|| strcmp(word, "xt") == 0) {
			is_for_some = true;
		} else if (!is_harmless(word)) {
			if (is_for_some && !(names_leg && strcmp(word, "accept") == 0))
				return FATE_GOES_ON;
			return verdict_fate(w, at, word, value, depth, is_final);
		}
	}
	return FATE_GOES_ON;
}

/* Bounded by DEPTH_MAX: chains cannot call themselves, but who says that this text is true? */
static enum fate chain_fate(struct walk *w, const struct place *at, unsigned depth)
{
	size_t i;
	json_t *object;

	if (depth > DEPTH_MAX)
		return FATE_ACCEPTED;
	json_array_foreach((json_t *)(uintptr_t)w->list, i, object)
	{
		const json_t *rule = json_object_get(object, "rule");
		bool is_final;

		if (++w->steps > STEPS_MAX)
			return FATE_ACCEPTED;
		if (rule == NULL || !is_in(rule, at, "chain"))
			continue;
		enum fate fate = rule_fate(w, at, rule, depth, &is_final);

		if (fate != FATE_GOES_ON || is_final)
			return fate;
	}
	return FATE_GOES_ON;
}

static bool has_chain(const json_t *list, const struct place *like, const char *chain)
{
	struct place at = { like->family, like->table, chain };
	size_t i;
	json_t *object;

	json_array_foreach((json_t *)(uintptr_t)list, i,
		object) if (is_in(json_object_get(object, "chain"), &at, "name")) return true;
	return false;
}

/* In the words of whoever wrote the table, where we know who did: he rewrites it some day. */
static void write_cure(
	const json_t *list, const struct place *at, const char *leg, char *cure, size_t size)
{
	if (strcmp(at->table, "firewalld") == 0)
		snprintf(cure, size,
			"firewall-cmd --permanent --zone=trusted --add-interface=%s && "
			"firewall-cmd --reload",
			leg);
	else if (has_chain(list, at, "ufw-before-input"))
		snprintf(cure, size, "ufw allow in on %s", leg);
	else
		snprintf(cure, size,
			"nft insert rule %.16s %.40s %.40s iifname %s accept (and into "
			"/etc/nftables.conf)",
			at->family, at->table, at->chain, leg);
}

static bool is_input_chain(const json_t *chain, const char *own_table)
{
	const char *family = text_of(chain, "family");

	return strcmp(text_of(chain, "hook"), "input") == 0
		&& strcmp(text_of(chain, "type"), "filter") == 0
		&& (strcmp(family, "inet") == 0 || strcmp(family, "ip") == 0
			|| strcmp(family, "ip6") == 0)
		&& strcmp(text_of(chain, "table"), own_table) != 0;
}

bool nft_foreign_find(
	const char *ruleset, const char *own_table, const char *leg, struct nft_obstacle *out)
{
	json_t *root = json_loads(ruleset, 0, NULL);
	const json_t *list = json_object_get(root, "nftables");
	bool has_found = false;
	size_t i;
	json_t *object;

	json_array_foreach((json_t *)(uintptr_t)list, i, object)
	{
		const json_t *chain = json_object_get(object, "chain");
		struct walk w = { .list = list, .leg = leg };
		struct place at = { text_of(chain, "family"), text_of(chain, "table"),
			text_of(chain, "name") };

		if (!is_input_chain(chain, own_table))
			continue;
		enum fate fate = chain_fate(&w, &at, 0);

		if (fate == FATE_GOES_ON && strcmp(text_of(chain, "policy"), "drop") == 0) {
			fate = FATE_REFUSED;
			w.verdict = "policy drop";
		}
		if (fate != FATE_REFUSED)
			continue;
		snprintf(out->family, sizeof(out->family), "%s", at.family);
		snprintf(out->table, sizeof(out->table), "%s", at.table);
		snprintf(out->chain, sizeof(out->chain), "%s", at.chain);
		snprintf(out->verdict, sizeof(out->verdict), "%s", w.verdict);
		write_cure(list, &at, leg, out->cure, sizeof(out->cure));
		has_found = true;
		break;
	}
	json_decref(root);
	return has_found;
}
