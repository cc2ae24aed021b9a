/* SPDX-License-Identifier: Apache-2.0 */
/* guard_text.c - read and print the guard of a vif; see guard_text.h for the words.
 *
 * From: schema_vif.c.  To: model_check_guard.c, snapshot_build.c.
 * Invariants: what is not off guards the MAC; no address stands there twice.
 * Thread: the daemon has one. */
#include "config/guard_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIGNS " \t,"
#define WORD_LEN 64
#define WORDS "off, mac, dhcp, dhcp-server, router, or addresses such as 10.0.0.5"

static int refuse(const char *path, const char *word, const char *rule, struct err *e)
{
	return err_set(e, -EINVAL, path, "guard: '%.48s' %s", word, rule);
}

static int add_address(struct guard_cfg *g, const char *word, const char *path, struct err *e)
{
	struct ipnet net;

	if (strchr(word, '/') != NULL) {
		if (ipnet_parse(word, &net) != 0)
			return refuse(
				path, word, "is neither a word nor an address: write " WORDS, e);
	} else {
		if (ip_parse(word, &net.addr) != 0)
			return refuse(
				path, word, "is neither a word nor an address: write " WORDS, e);
		net.len = ip_is_v4(&net.addr) ? 32 : 128;
	}
	for (unsigned i = 0; i < g->n_addrs; i++)
		if (memcmp(&g->addr[i].addr, &net.addr, sizeof(net.addr)) == 0
			&& g->addr[i].len == net.len)
			return refuse(path, word, "stands there twice", e);
	if (g->n_addrs == GUARD_ADDRS_MAX)
		return refuse(path, word, "is one address too many: 32 at most", e);
	g->addr[g->n_addrs++] = net;
	return 0;
}

static int take_word(struct guard_cfg *g, const char *word, const char *path, struct err *e)
{
	if (strncmp(word, "ip=", 3) == 0)
		word += 3;
	if (strcmp(word, "off") == 0)
		return refuse(path, word, "goes with nothing else: leave out the rest", e);
	if (strcmp(word, "mac") == 0)
		return 0;
	if (strcmp(word, "dhcp") == 0)
		g->has_dhcp = true;
	else if (strcmp(word, "dhcp-server") == 0)
		g->may_serve_dhcp = true;
	else if (strcmp(word, "router") == 0)
		g->may_route = true;
	else
		return add_address(g, word, path, e);
	return 0;
}

int guard_text_parse(const char *text, const char *path, struct guard_cfg *out, struct err *e)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->is_set = true;
	if (strcmp(text, "off") == 0)
		return 0;
	for (const char *at = text + strspn(text, SIGNS); rc == 0 && *at != '\0';) {
		size_t len = strcspn(at, SIGNS);
		char word[WORD_LEN];

		if (len >= sizeof(word))
			return refuse(
				path, at, "is neither a word nor an address: write " WORDS, e);
		memcpy(word, at, len);
		word[len] = '\0';
		out->has_mac = true;
		rc = take_word(out, word, path, e);
		at += len;
		at += strspn(at, SIGNS);
	}
	if (rc == 0 && !out->has_mac)
		rc = refuse(path, text, "says nothing: write " WORDS, e);
	return rc;
}

bool guard_has_addresses(const struct guard_cfg *g)
{
	return g->has_dhcp || g->n_addrs > 0;
}

/* Append @word, with a blank before it unless it is the first. */
static void print_word(char buf[GUARD_TEXT_LEN], const char *word)
{
	size_t used = strlen(buf);

	snprintf(buf + used, GUARD_TEXT_LEN - used, "%s%s", used > 0 ? " " : "", word);
}

const char *guard_text_print(const struct guard_cfg *g, char buf[GUARD_TEXT_LEN])
{
	char text[IPNET_STR_LEN];

	static_assert(GUARD_TEXT_LEN > GUARD_ADDRS_MAX * (IPNET_STR_LEN + 1) + 32, "it all fits");
	buf[0] = '\0';
	if (g->is_set && !g->has_mac)
		print_word(buf, "off");
	else if (g->is_set && !guard_has_addresses(g))
		print_word(buf, "mac");
	if (g->has_dhcp)
		print_word(buf, "dhcp");
	for (unsigned i = 0; i < g->n_addrs; i++) {
		bool is_host = g->addr[i].len == (ip_is_v4(&g->addr[i].addr) ? 32 : 128);

		print_word(buf,
			is_host ? ip_print(&g->addr[i].addr, text)
				: ipnet_print(&g->addr[i], text));
	}
	if (g->may_serve_dhcp)
		print_word(buf, "dhcp-server");
	if (g->may_route)
		print_word(buf, "router");
	return buf;
}
