/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.c - read scenarios, make their frames, tell what came out; see scenario.h.
 *
 * From: oracle.c, bench.c.  To: stdout, which the tests compare.
 * Theory: each frame carries its number, so that what came out can be told apart although many
 * frames are on their way at once.
 * Thread: one. */
#include "tests/conformance/scenario.h"

#include "tests/lib/mcast_frame.h"

#include <stdlib.h>
#include <string.h>

#define TYPE_LOCAL 0x88b5 /* IEEE 802 local experimental */
#define ETH_HDR_LEN 14
#define TYPE_IP4 0x0800
#define IP4_LEN 20
#define UDP_LEN 8
#define TAG_LEN 4
#define WORDS_MAX 24

static unsigned line_no;

static _Noreturn void wrong(const char *what)
{
	fprintf(stderr, "line %u: what is \"%s\"?\n", line_no, what);
	exit(2);
}

/* The number that @text begins with; @end: what follows. */
static unsigned number(const char *text, const char **end)
{
	char *behind;
	unsigned long n = strtoul(text, &behind, 0);

	if (behind == text || n > 65535)
		wrong(text);
	*end = behind;
	return (unsigned)n;
}

static unsigned whole_number(const char *text)
{
	const char *end;
	unsigned n = number(text, &end);

	if (*end != '\0')
		wrong(text);
	return n;
}

static void mac_read(const char *text, uint8_t mac[6])
{
	static const uint8_t host[6] = { 2 }, group[6] = { 1, 0, 0x5e },
			     link_local[6] = { 1, 0x80, 0xc2 };

	if (strcmp(text, "bc") == 0) {
		memset(mac, 0xff, 6);
	} else if (strcmp(text, "zero") == 0) {
		memset(mac, 0, 6);
	} else {
		unsigned n = whole_number(text + 1);

		if (text[0] != 'm' && text[0] != 'g' && text[0] != 'l')
			wrong(text);
		memcpy(mac, text[0] == 'm' ? host : text[0] == 'g' ? group : link_local, 6);
		mac[4] |= (uint8_t)(n >> 8);
		mac[5] = (uint8_t)n;
	}
}

static void tags_read(const char *text, struct step *st)
{
	while (*text != '\0' && *text != '-') {
		unsigned tpid = *text == 'q' ? 0x8100 : 0x88a8, vid, pcp = 0;

		if ((*text != 'q' && *text != 's') || st->n_tags == 3)
			wrong(text);
		vid = number(text + 1, &text);
		if (*text == '.')
			pcp = number(text + 1, &text);
		st->tag[st->n_tags].tpid = (uint16_t)tpid;
		st->tag[st->n_tags++].tci = (uint16_t)(pcp << 13 | vid);
		if (*text == '+')
			text++;
	}
}

static void ranges_read(const char *text, struct step *st)
{
	while (*text != '\0') {
		struct vlan_range *r = &st->range[st->n_ranges++];

		if (st->n_ranges > SCENARIO_RANGES_MAX)
			wrong(text);
		r->first = r->last = (uint16_t)number(text, &text);
		if (*text == '-')
			r->last = (uint16_t)number(text + 1, &text);
		for (; *text == 'p' || *text == 'u'; text++) {
			r->is_pvid |= *text == 'p';
			r->is_untagged |= *text == 'u';
		}
		if (*text == ',')
			text++;
		else if (*text != '\0')
			wrong(text);
	}
}

/* What follows "KEY=" in @word, or NULL. */
static const char *value_of(const char *word, const char *key)
{
	size_t len = strlen(key);

	return strncmp(word, key, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static void port_word_read(const char *word, struct step *st)
{
	static const char *const names[] = { "isolated", "hairpin", "noflood", "nomcast", "nobcast",
		"nolearn", "locked", "down", "fastleave" };
	const char *value;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0) {
			st->words |= 1u << i;
			return;
		}
	}
	if ((value = value_of(word, "router")) != NULL) {
		st->router = whole_number(value);
	} else if ((value = value_of(word, "fwd")) != NULL) {
		st->fwd = (uint16_t)whole_number(value);
	} else if ((value = value_of(word, "mtu")) != NULL) {
		st->mtu = whole_number(value);
	} else if ((value = value_of(word, "vlan")) != NULL) {
		ranges_read(value, st);
	} else if ((value = value_of(word, "access")) != NULL) {
		st->words |= PORT_ACCESS;
		st->n_ranges = 1;
		st->range[0].first = st->range[0].last = (uint16_t)whole_number(value);
		st->range[0].is_pvid = st->range[0].is_untagged = true;
	} else {
		wrong(word);
	}
}

static void bridge_word_read(const char *word, struct scenario *s)
{
	const char *value;

	if ((value = value_of(word, "filtering")) != NULL)
		s->filtering = strcmp(value, "802.1ad") == 0 ? 0x88a8 : 0x8100;
	else if ((value = value_of(word, "fwd")) != NULL)
		s->fwd = (uint16_t)whole_number(value);
	else if (strcmp(word, "snooping") == 0)
		s->is_snooping = true;
	else if (strcmp(word, "querier") == 0)
		s->is_querier = true;
	else if ((value = value_of(word, "igmp")) != NULL)
		s->igmp = whole_number(value);
	else if ((value = value_of(word, "mld")) != NULL)
		s->mld = whole_number(value);
	else if ((value = value_of(word, "membership")) != NULL)
		s->membership_ms = whole_number(value);
	else if ((value = value_of(word, "lastmember")) != NULL)
		s->last_member_ms = whole_number(value);
	else if (strcmp(word, "ageing=0") == 0)
		s->is_ageless = true;
	else
		wrong(word);
}

static unsigned port_read(const char *text)
{
	unsigned port = whole_number(text);

	if (port == 0 || port >= SCENARIO_PORTS_MAX)
		wrong(text);
	return port;
}

/* The words from @word[0] on, as one text. */
static void words_read(char *const *word, unsigned n, struct step *st)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(
			st->text + at, sizeof(st->text) - at, "%s%s", i > 0 ? " " : "", word[i]);

		at += (size_t)len;
		if (at >= sizeof(st->text))
			wrong(word[i]);
	}
}

static void say_read(struct scenario *s, char *const *word, unsigned n, struct step *st)
{
	uint8_t frame[MCAST_FRAME_MAX];
	unsigned first = 3;

	st->kind = STEP_SEND;
	st->number = ++s->n_sends;
	st->host = whole_number(word[2]);
	if (value_of(word[3], "tag") != NULL)
		tags_read(value_of(word[first++], "tag"), st);
	words_read(word + first, n - first, st);
	if (mcast_frame(frame, st->host, st->text) == 0)
		wrong(word[first]);
}

static void send_read(struct scenario *s, char *const *word, unsigned n, struct step *st)
{
	st->kind = STEP_SEND;
	st->number = ++s->n_sends;
	mac_read(word[2], st->dst);
	mac_read(word[3], st->mac);
	if (n > 4)
		tags_read(word[4], st);
	st->len = n > 5 ? whole_number(word[5]) : 46;
	if (st->len < 4 || st->len + ETH_HDR_LEN + 4 * TAG_LEN > SCENARIO_FRAME_MAX)
		wrong(word[n - 1]);
}

static void step_read(struct scenario *s, char *const *word, unsigned n)
{
	struct step *st = &s->step[s->n_steps++];

	if (s->n_steps == SCENARIO_STEPS_MAX)
		wrong("too many steps");
	memset(st, 0, sizeof(*st));
	if (strcmp(word[0], "wait") == 0) {
		st->kind = STEP_WAIT;
		st->ms = whole_number(word[1]);
		return;
	}
	st->port = port_read(word[1]);
	if (strcmp(word[0], "port") == 0) {
		st->kind = STEP_PORT;
		st->router = 1;
		for (unsigned i = 2; i < n; i++)
			port_word_read(word[i], st);
	} else if ((strcmp(word[0], "fdb") == 0 || strcmp(word[0], "sticky") == 0
			   || strcmp(word[0], "nofdb") == 0)
		&& n >= 3) {
		st->kind = word[0][0] == 'n' ? STEP_NO_FDB : STEP_FDB;
		st->is_sticky = word[0][0] == 's';
		mac_read(word[2], st->mac);
		st->vid = n > 3 ? (uint16_t)whole_number(word[3]) : 0;
	} else if (strcmp(word[0], "say") == 0 && n >= 4) {
		say_read(s, word, n, st);
	} else if (strcmp(word[0], "mdb") == 0 && n >= 3) {
		st->kind = STEP_MDB;
		words_read(word + 2, n - 2, st);
	} else if (strcmp(word[0], "send") == 0 && n >= 4) {
		send_read(s, word, n, st);
	} else {
		wrong(word[0]);
	}
}

bool scenario_read(FILE *f, struct scenario *s)
{
	static char line[512], waiting[SCENARIO_NAME_LEN];

	memset(s, 0, sizeof(*s));
	memcpy(s->name, waiting, sizeof(waiting));
	waiting[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		char *word[WORDS_MAX], *rest = NULL;
		unsigned n = 0;

		line_no++;
		for (char *w = strtok_r(line, " \t\n", &rest); w != NULL && w[0] != '#';
			w = strtok_r(NULL, " \t\n", &rest)) {
			if (n == WORDS_MAX)
				wrong(w);
			word[n++] = w;
		}
		if (n == 0)
			continue;
		if (n == 1 || (s->name[0] == '\0' && strcmp(word[0], "scenario") != 0))
			wrong(word[0]);
		if (strcmp(word[0], "scenario") == 0) {
			snprintf(waiting, sizeof(waiting), "%s", word[1]);
			if (s->name[0] != '\0')
				return true;
			memcpy(s->name, waiting, sizeof(waiting));
			waiting[0] = '\0';
		} else if (strcmp(word[0], "bridge") == 0) {
			for (unsigned i = 1; i < n; i++)
				bridge_word_read(word[i], s);
		} else {
			step_read(s, word, n);
		}
	}
	return s->name[0] != '\0';
}

static void put_be16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned get_be16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* A frame about groups has its number in its source. */
static unsigned say_frame(const struct step *st, uint8_t bytes[SCENARIO_FRAME_MAX])
{
	uint8_t frame[MCAST_FRAME_MAX];
	unsigned len = mcast_frame(frame, st->host, st->text), at = 12;

	memcpy(bytes, frame, 12);
	put_be16(bytes + 9, st->number);
	for (unsigned i = 0; i < st->n_tags; i++, at += TAG_LEN) {
		put_be16(bytes + at, st->tag[i].tpid);
		put_be16(bytes + at + 2, st->tag[i].tci);
	}
	memcpy(bytes + at, frame + 12, len - 12);
	return at + len - 12;
}

void scenario_send_ip4(struct scenario *s)
{
	for (unsigned i = 0; i < s->n_steps; i++)
		if (s->step[i].text[0] != '\0'
			|| (s->step[i].kind == STEP_SEND && s->step[i].len < IP4_LEN + UDP_LEN + 2))
			return;
	s->is_ip4 = true;
	for (unsigned i = 0; i < s->n_steps; i++)
		s->step[i].is_ip4 = true;
}

/* Headers of a datagram to nobody's port; the checksum of UDP is left out. */
static void put_ip4(uint8_t *at, unsigned len)
{
	static const uint8_t head[IP4_LEN]
		= { 0x45, [8] = 64, 17, [12] = 10, 0, 0, 1, 10, 0, 0, 2 };
	unsigned sum = 0;

	memcpy(at, head, sizeof(head));
	put_be16(at + 2, len);
	for (unsigned i = 0; i < IP4_LEN; i += 2)
		sum += get_be16(at + i);
	put_be16(at + 10, ~(sum + (sum >> 16)) & 0xffff);
	put_be16(at + IP4_LEN, 5000);
	put_be16(at + IP4_LEN + 2, 9);
	put_be16(at + IP4_LEN + 4, len - IP4_LEN);
	put_be16(at + IP4_LEN + 6, 0);
}

unsigned scenario_frame(const struct step *st, uint8_t bytes[SCENARIO_FRAME_MAX])
{
	unsigned at = 12;

	if (st->text[0] != '\0')
		return say_frame(st, bytes);
	memcpy(bytes, st->dst, 6);
	memcpy(bytes + 6, st->mac, 6);
	for (unsigned i = 0; i < st->n_tags; i++, at += TAG_LEN) {
		put_be16(bytes + at, st->tag[i].tpid);
		put_be16(bytes + at + 2, st->tag[i].tci);
	}
	put_be16(bytes + at, st->is_ip4 ? TYPE_IP4 : TYPE_LOCAL);
	at += 2;
	for (unsigned i = 0; i < st->len; i++)
		bytes[at + i] = (uint8_t)(st->number + 7 * i);
	if (st->is_ip4)
		put_ip4(bytes + at, st->len);
	put_be16(bytes + at + (st->is_ip4 ? IP4_LEN + UDP_LEN : 0), st->number);
	return at + st->len;
}

static const struct step *send_of(const struct scenario *s, unsigned wanted)
{
	for (unsigned i = 0; i < s->n_steps; i++)
		if (s->step[i].kind == STEP_SEND && s->step[i].number == wanted)
			return &s->step[i];
	return NULL;
}

/* Tags of a frame as text; returns where they end. */
static unsigned tags_print(const uint8_t *bytes, unsigned len, char *text, size_t size)
{
	unsigned at = 12, used = 0;

	while (at + 6 <= len
		&& (get_be16(bytes + at) == 0x8100 || get_be16(bytes + at) == 0x88a8)) {
		unsigned tci = get_be16(bytes + at + 2);

		used += (unsigned)snprintf(text + used, size - used, "%s%c%u", used > 0 ? "+" : "",
			get_be16(bytes + at) == 0x8100 ? 'q' : 's', tci & 0xfff);
		if (tci >> 13 != 0)
			used += (unsigned)snprintf(text + used, size - used, ".%u", tci >> 13);
		at += TAG_LEN;
	}
	if (used == 0)
		snprintf(text, size, "-");
	return at;
}

void scenario_came_out(struct scenario *s, unsigned port, const uint8_t *bytes, unsigned len)
{
	uint8_t sent[SCENARIO_FRAME_MAX];
	char tags[64], text[96];
	unsigned at, number_at, n, sent_len, sent_at;
	const struct step *st;
	bool is_same, is_said;
	char **slot;

	if (len < ETH_HDR_LEN + 4)
		return;
	at = tags_print(bytes, len, tags, sizeof(tags));
	number_at = at + 2 + (s->is_ip4 ? IP4_LEN + UDP_LEN : 0);
	if (number_at + 2 > len)
		return;
	is_said = get_be16(bytes + at) != (s->is_ip4 ? TYPE_IP4 : TYPE_LOCAL);
	n = get_be16(is_said ? bytes + 9 : bytes + number_at);
	st = send_of(s, n);
	/* not one of ours: the host's own noise, or a query of the bridge's; some of ours have sources
	 * that nobody has */
	if (st == NULL || is_said != (st->text[0] != '\0'))
		return;
	sent_len = scenario_frame(st, sent);
	if (bytes[6] != 2 && memcmp(bytes + 6, sent + 6, 6) != 0)
		return;
	sent_at = 12 + TAG_LEN * st->n_tags;
	is_same = memcmp(sent, bytes, 12) == 0 && sent_len - sent_at == len - at
		&& memcmp(sent + sent_at, bytes + at, len - at) == 0 && n >= s->last_out[port];
	s->last_out[port] = n;
	slot = &s->out[n - 1][port];
	snprintf(text, sizeof(text), "%s%s %u[%s]", *slot != NULL ? *slot : "", is_same ? "" : "!",
		port, tags);
	free(*slot);
	*slot = strdup(text);
}

void scenario_print(struct scenario *s)
{
	printf("scenario %s\n", s->name);
	for (unsigned i = 0; i < s->n_sends; i++) {
		bool is_lost = true;

		printf("%u", i + 1);
		for (unsigned port = 1; port < SCENARIO_PORTS_MAX; port++) {
			if (s->out[i][port] == NULL)
				continue;
			printf("%s", s->out[i][port]);
			free(s->out[i][port]);
			is_lost = false;
		}
		printf("%s\n", is_lost ? " -" : "");
	}
	fflush(stdout);
}
