/* SPDX-License-Identifier: Apache-2.0 */
/* nft_legacy.c - what iptables-legacy-save prints, read for one question: is the way let through?
 *
 * From: nft_foreign.c.  To: /proc/net/ip_tables_names, the `iptables-legacy-save` program.
 * Theory: the base chain is read, other chains only for rules that name the way's device: chains of
 * this kind are old and short.  Any rule that names the device clears the chain, so does an accept of
 * everything, or of established connections on the way back; else the first rule for everything or
 * the policy decides.
 * Invariants: the text is hostile as any input is.  Thread: the daemon's only one. */
#include "config/nft_legacy.h"

#include "config/nft_match.h"
#include "config/spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1 << 20)
#define READ_TIMEOUT_MS 2000
#define WORDS_MAX 64

/* The words of a line; "-A FORWARD -i eth0 -j DROP" has six. */
struct line {
	char text[1024];
	char *word[WORDS_MAX];
	unsigned n;
};

/* The line at @text; returns the next one, or NULL at the end. */
static const char *split(const char *text, struct line *out)
{
	size_t len = strcspn(text, "\n");
	char *rest = NULL;

	snprintf(out->text, sizeof(out->text), "%.*s", (int)MIN(len, sizeof(out->text) - 1), text);
	out->n = 0;
	for (char *w = strtok_r(out->text, " ", &rest); w && out->n < WORDS_MAX;
		w = strtok_r(NULL, " ", &rest))
		out->word[out->n++] = w;
	return text[len] == '\n' ? text + len + 1 : NULL;
}

/* What follows @option, or "". */
static const char *value_of(const struct line *l, const char *option)
{
	for (unsigned i = 0; i + 1 < l->n; i++)
		if (strcmp(l->word[i], option) == 0)
			return l->word[i + 1];
	return "";
}

static bool names_device(const struct line *l, const struct nft_way *way)
{
	const char *name = value_of(l, way->is_outward ? "-o" : "-i");

	return name[0] != '\0' && nft_is_name_match(name, '+', way->ifname);
}

enum fate {
	FATE_GOES_ON,
	FATE_ACCEPTED,
	FATE_REFUSED
};

static enum fate rule_fate(const struct line *l, const char *chain, const struct nft_way *way)
{
	const char *target = value_of(l, "-j");
	bool is_for_all = l->n >= 4 && strcmp(l->word[2], "-j") == 0;
	bool is_answer = way->is_outward && strstr(value_of(l, "--ctstate"), "ESTABLISHED") != NULL
		&& value_of(l, "-i")[0] == '\0' && value_of(l, "-o")[0] == '\0';

	if (l->n < 4 || strcmp(l->word[0], "-A") != 0)
		return FATE_GOES_ON;
	if (strcmp(l->word[1], chain) != 0)
		return FATE_GOES_ON;
	if (strcmp(target, "ACCEPT") == 0)
		return is_for_all || is_answer ? FATE_ACCEPTED : FATE_GOES_ON;
	if (is_for_all && (strcmp(target, "DROP") == 0 || strcmp(target, "REJECT") == 0))
		return FATE_REFUSED;
	return FATE_GOES_ON;
}

void nft_legacy_cure(
	const char *tool, const char *forward, const struct nft_way *way, char *buf, size_t size)
{
	if (way->is_forward)
		snprintf(buf, size, "%s -I %s -i %s -j ACCEPT; %s -I %s -o %s -j ACCEPT", tool,
			forward, way->ifname, tool, forward, way->ifname);
	else
		snprintf(buf, size, "%s -I INPUT -i %s -j ACCEPT", tool, way->ifname);
}

bool nft_legacy_find(
	const char *text, bool is_v4, const struct nft_way *way, struct nft_obstacle *out)
{
	const char *chain = way->is_forward ? "FORWARD" : "INPUT";
	const char *verdict = NULL;
	bool is_decided = false; /* rules that name us may still stand in other chains */
	struct line l;

	while (text != NULL) {
		text = split(text, &l);
		if (l.n >= 2 && l.word[0][0] == ':' && strcmp(l.word[0] + 1, chain) == 0
			&& strcmp(l.word[1], "DROP") == 0)
			verdict = "policy drop";
		enum fate fate = is_decided ? FATE_GOES_ON : rule_fate(&l, chain, way);

		if (fate == FATE_ACCEPTED || (l.n > 0 && names_device(&l, way)))
			return false;
		if (fate == FATE_REFUSED)
			verdict = "drop";
		is_decided = is_decided || fate == FATE_REFUSED;
	}
	if (verdict == NULL)
		return false;
	*out = (struct nft_obstacle){ .is_legacy = true };
	snprintf(out->family, sizeof(out->family), "%s", is_v4 ? "ip" : "ip6");
	snprintf(out->table, sizeof(out->table), "filter");
	snprintf(out->chain, sizeof(out->chain), "%s", chain);
	snprintf(out->verdict, sizeof(out->verdict), "%s", verdict);
	nft_legacy_cure(is_v4 ? "iptables-legacy" : "ip6tables-legacy",
		strstr(out->chain, "FORWARD") ? "FORWARD" : "INPUT", way, out->cure,
		sizeof(out->cure));
	return true;
}

/* Is the filter table of iptables-legacy in the kernel?  The file is there with its support. */
static bool has_table(bool is_v4)
{
	FILE *f = fopen(is_v4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names", "re");
	char line[64];
	bool has = false;

	if (f == NULL)
		return false;
	while (!has && fgets(line, sizeof(line), f) != NULL)
		has = strcmp(line, "filter\n") == 0;
	fclose(f);
	return has;
}

char *nft_legacy_read(bool is_v4)
{
	const char *const argv[] = { is_v4 ? "iptables-legacy-save" : "ip6tables-legacy-save", "-t",
		"filter", NULL };
	char *text = has_table(is_v4) ? malloc(TEXT_MAX) : NULL;

	if (text != NULL && spawn_run(argv, "", text, TEXT_MAX, READ_TIMEOUT_MS, NULL) == 0)
		return text;
	free(text);
	return NULL;
}
