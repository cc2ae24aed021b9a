/* SPDX-License-Identifier: Apache-2.0 */
/* rate_text.c - read and print the rates of a vif; see rate_text.h for the grammar.
 *
 * From: schema_vif.c.  To: snapshot_build.c.
 * Theory: the grammars of xl, of virsh and of libvirt's XML are all words with signs between, so one
 * reader takes them: the signs are skipped, a word says a direction, a quantity with its name, or a
 * quantity whose place says what it is.
 * Invariants of what was read: rates are RATE_MIN..METER_RATE_MAX, peak is 0 or not below the average,
 * the burst is 1..METER_BURST_MAX exactly when there is an average.
 * Thread: the daemon has one. */
#include "config/rate_text.h"

#include "vswitch/abi/limits.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 1000 /* bytes a second: what is slower is a mistake in the unit */
#define BURST_MIN_DEFAULT (128u << 10) /* xen-netback's */
#define USEC_PER_SEC UINT64_C(1000000)
#define INTERVAL_DEFAULT_US 50000 /* xl's */
#define KIB 1024
#define NUMBER_MAX UINT64_C(1000000000000)
#define WORD_LEN 40
#define SIGNS " \t\n<>,;"

enum quantity {
	AVERAGE,
	PEAK,
	BURST,
	QUANTITIES
};
static const char *const quantity_names[QUANTITIES] = { "average", "peak", "burst" };

/* While it is read. */
struct reading {
	struct vif_rate *r;
	const char *path;
	struct err *e;
	struct rate_limit *at[2]; /* what words are about; [1] with both= */
	enum quantity next; /* of a number without a name */
	bool has_direction;
	bool is_set[2][QUANTITIES];
};

static int refuse(const struct reading *r, const char *word, const char *rule)
{
	return err_set(r->e, -EINVAL, r->path, "rate: '%.40s' %s", word, rule);
}

/* Digits at *@at, which is moved behind them. */
static bool read_number(const char **at, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0 && *out <= NUMBER_MAX;
}

/* "50ms" behind '@'. */
static bool read_interval(const char *at, uint64_t *us)
{
	if (!read_number(&at, us))
		return false;
	if (strcmp(at, "s") == 0)
		*us = MIN(*us, USEC_PER_SEC) * USEC_PER_SEC;
	else if (strcmp(at, "ms") == 0)
		*us *= 1000;
	else if (strcmp(at, "us") != 0 && at[0] != '\0')
		return false;
	return *us > 0 && *us <= 10 * USEC_PER_SEC;
}

/* A quantity in bytes, or bytes a second: xl's units, KiB, or none (libvirt's: KiB).
 * *@us: the interval that stands behind it, 0 without. */
static bool read_quantity(const char *at, enum quantity what, uint64_t *out, uint64_t *us)
{
	static const char prefixes[] = "GMK"; /* the first is the largest */
	uint64_t scale = 1;
	bool is_bits;

	*us = 0;
	if (!read_number(&at, out))
		return false;
	if (strcmp(at, "") == 0 || strcmp(at, what == BURST ? "KiB" : "KiB/s") == 0) {
		*out *= KIB;
		return true;
	}
	for (const char *c = strchr(prefixes, *at); *at != '\0' && c != NULL && *c != '\0'; c++)
		scale *= 1000;
	at += scale > 1;
	if ((*at != 'b' && *at != 'B') || *out > UINT64_MAX / scale)
		return false;
	is_bits = *at++ == 'b';
	*out = is_bits ? *out * scale / 8 : *out * scale;
	if (what == BURST)
		return *at == '\0';
	if (strncmp(at, "/s", 2) != 0)
		return false;
	at += 2;
	if (*at == '\0')
		return true;
	return what == AVERAGE && *at == '@' && read_interval(at + 1, us);
}

static uint64_t *slot(struct rate_limit *l, enum quantity what)
{
	return what == AVERAGE ? &l->average : what == PEAK ? &l->peak : &l->burst;
}

static bool *set_flag(struct reading *r, const struct rate_limit *l, enum quantity what)
{
	return &r->is_set[l == &r->r->in][what];
}

static uint64_t burst_default(uint64_t average, uint64_t us)
{
	uint64_t n = average / 1000 * (us / 1000) + average % 1000 * us / USEC_PER_SEC
		+ average / 1000 * (us % 1000) / 1000;

	return MIN(MAX(n, (uint64_t)BURST_MIN_DEFAULT), METER_BURST_MAX);
}

static int put(struct reading *r, const char *word, enum quantity what, const char *value)
{
	uint64_t n, us;

	if (!read_quantity(value, what, &n, &us))
		return refuse(r, word,
			what == BURST ? "is no burst: write KiB as a number, or 128KiB, 1MB"
				      : "is no rate: write 10Mb/s, 1MB/s, 10Mb/s@50ms, or KiB/s as "
					"a number");
	if (what == BURST && (n == 0 || n > METER_BURST_MAX))
		return refuse(r, word, "is out of range: a burst is 1 KiB to 2097151 KiB");
	if (what != BURST && (n < RATE_MIN || n > METER_RATE_MAX))
		return refuse(r, word, "is out of range: a rate is 8Kb/s to 1000Gb/s");
	for (unsigned i = 0; i < ARRAY_LEN(r->at) && r->at[i] != NULL; i++) {
		bool *is_set = set_flag(r, r->at[i], what);

		if (*is_set)
			return refuse(r, word, "says the same thing for the second time");
		*is_set = true;
		*slot(r->at[i], what) = n;
		if (us != 0) {
			*set_flag(r, r->at[i], BURST) = true;
			r->at[i]->burst = burst_default(n, us);
		}
	}
	r->next = what + 1;
	return 0;
}

/* Is what @word begins with, to its '=', a direction? */
static bool take_direction(struct reading *r, const char *word, size_t len)
{
	static const char *const names[] = { "outbound", "inbound", "both" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) != len || strncmp(word, names[i], len) != 0)
			continue;
		r->at[0] = i == 1 ? &r->r->in : &r->r->out;
		r->at[1] = i == 2 ? &r->r->in : NULL;
		r->next = AVERAGE;
		r->has_direction = true;
		return true;
	}
	return false;
}

static int take_named(struct reading *r, const char *word, size_t len)
{
	for (unsigned i = 0; i < QUANTITIES; i++)
		if (strlen(quantity_names[i]) == len && strncmp(word, quantity_names[i], len) == 0)
			return put(r, word, (enum quantity)i, word + len + 1);
	if (len == 5 && strncmp(word, "floor", len) == 0)
		return refuse(r, word, "is a guarantee, which there is none of: leave floor out");
	return refuse(r, word,
		"has no meaning here: inbound=, outbound=, both=, average=, peak= "
		"and burst= have");
}

static int take_word(struct reading *r, const char *word)
{
	size_t len = strcspn(word, "=");
	bool is_number = isdigit((unsigned char)word[0]);

	if (strcmp(word, "bandwidth") == 0)
		return 0;
	if (!is_number && take_direction(r, word, len)) {
		if (word[len] == '\0')
			return 0;
		return put(r, word, AVERAGE, word + len + 1);
	}
	if (word[len] == '=')
		return take_named(r, word, len);
	if (!is_number)
		return refuse(r, word, "is no rate: write 10Mb/s or inbound=20Mb/s");
	if (!r->has_direction && word[strspn(word, "0123456789")] == '\0')
		return refuse(r, word,
			"has neither direction nor unit: write inbound= or "
			"outbound= (KiB/s), or 10Mb/s");
	if (r->next == QUANTITIES)
		return refuse(r, word, "is one number too many: average, peak, burst");
	if (r->next != AVERAGE && word[strspn(word, "0123456789")] != '\0')
		return refuse(r, word, "needs a name: peak=, burst=, inbound= or outbound=");
	return put(r, word, r->next, word);
}

/* What the words are together. */
static int finish(struct reading *r, struct rate_limit *l, const char *name)
{
	if (l->average == 0) {
		if (l->peak != 0 || l->burst != 0)
			return refuse(
				r, name, "has a peak or a burst, but no average: add average=");
		return 0;
	}
	if (l->peak != 0 && l->peak < l->average)
		return refuse(r, name, "has a peak below its average: raise it, or leave it out");
	if (l->burst == 0)
		l->burst = burst_default(l->average, INTERVAL_DEFAULT_US);
	return 0;
}

/* XML has its values in quotes, and so may a shell. */
static bool copy_unquoted(const char *text, char out[RATE_TEXT_LEN])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '"')
			continue;
		if (n == RATE_TEXT_LEN - 1)
			return false;
		out[n++] = *text;
	}
	out[n] = '\0';
	return true;
}

int rate_text_parse(const char *text, const char *path, struct vif_rate *out, struct err *e)
{
	struct reading r = { .r = out, .path = path, .e = e, .at = { &out->out } };
	char words[RATE_TEXT_LEN];
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (strcmp(text, "off") == 0)
		return 0;
	if (!copy_unquoted(text, words))
		return refuse(&r, text, "is too long for a rate: write 10Mb/s");
	for (const char *at = words + strspn(words, SIGNS); rc == 0 && *at != '\0';) {
		size_t len = strcspn(at, SIGNS);
		char word[WORD_LEN];

		if (len >= sizeof(word))
			return refuse(&r, at, "is too long for a rate: write 10Mb/s");
		memcpy(word, at, len);
		word[len] = '\0';
		if (len > 0 && word[len - 1] == '/') /* of an XML element */
			word[len - 1] = '\0';
		if (word[0] != '\0' && word[0] != '/')
			rc = take_word(&r, word);
		at += len;
		at += strspn(at, SIGNS);
	}
	if (rc == 0)
		rc = finish(&r, &out->out, "outbound");
	if (rc == 0)
		rc = finish(&r, &out->in, "inbound");
	if (rc == 0 && out->out.average == 0 && out->in.average == 0)
		rc = refuse(&r, text, "says no rate: write 10Mb/s or inbound=20Mb/s");
	return rc;
}

static size_t print_rate(uint64_t bytes, char *buf, size_t size)
{
	static const struct {
		uint64_t scale;
		const char *unit;
	} units[] = { { 125000000, "Gb/s" }, { 125000, "Mb/s" }, { 125, "Kb/s" }, { 1, "B/s" } };
	unsigned i = 0;

	while (bytes % units[i].scale != 0)
		i++;
	return (size_t)snprintf(buf, size, "%" PRIu64 "%s", bytes / units[i].scale, units[i].unit);
}

static size_t print_limit(const struct rate_limit *l, const char *name, char *buf, size_t size)
{
	size_t used;

	if (l->average == 0)
		return 0;
	used = (size_t)snprintf(buf, size, "%s=", name);
	used += print_rate(l->average, buf + used, size - used);
	if (l->peak != 0) {
		used += (size_t)snprintf(buf + used, size - used, " peak=");
		used += print_rate(l->peak, buf + used, size - used);
	}
	if (l->burst == burst_default(l->average, INTERVAL_DEFAULT_US))
		return used;
	used += (size_t)snprintf(buf + used, size - used, " burst=%" PRIu64 "%s",
		l->burst % KIB == 0 ? l->burst / KIB : l->burst, l->burst % KIB == 0 ? "KiB" : "B");
	return used;
}

const char *rate_text_print(const struct vif_rate *r, char buf[RATE_TEXT_LEN])
{
	size_t used;

	static_assert(RATE_TEXT_LEN >= 2 * 96 + 2, "two limits with all their words fit");
	buf[0] = '\0';
	used = print_limit(&r->out, "outbound", buf, RATE_TEXT_LEN);
	if (used > 0 && r->in.average != 0)
		used += (size_t)snprintf(buf + used, RATE_TEXT_LEN - used, " ");
	print_limit(&r->in, "inbound", buf + used, RATE_TEXT_LEN - used);
	return buf;
}
