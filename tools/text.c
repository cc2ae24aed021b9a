/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - words for a terminal: harmless names, numbers for people, the nearest word.
 *
 * From: every cmd_*.c and table.c.  To: nothing but libc.
 * Theory: what is printed may have been chosen by a guest's administrator or by an engine that was
 * taken over, so whatever a terminal would interpret is shown as \xNN.  Distance is optimal string
 * alignment (Levenshtein with neighbours swapped), which is what typing mistakes look like.
 * Invariants: outputs are always terminated.  Thread: any. */
#include "tools/text.h"

#include <limits.h>
#include <string.h>

/* Length of the valid UTF-8 sequence of a printable character at @s, or 0. */
static size_t utf8_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f && s[0] != '\\' ? 1 : 0;
	/* C2 80..C2 9F are the C1 control characters: terminals obey some of them */
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return 0;
	size_t len = s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
		: s[0] >= 0xe0 && s[0] < 0xf0     ? 3
		: s[0] >= 0xc2 && s[0] < 0xe0     ? 2
						  : 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* U+2028..U+202E, U+2066..U+2069: line ends and directions that reorder what follows */
	if (len == 3 && s[0] == 0xe2
		&& ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae)
			|| (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)))
		return 0;
	return len;
}

char *text_escape(const char *text, char *out, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0;

	while (*s) {
		size_t len = utf8_len(s);
		size_t need = len ? len : 4;

		if (at + need + 1 > size)
			break;
		if (len)
			memcpy(out + at, s, len);
		else
			snprintf(out + at, size - at, "\\x%02x", s[0]);
		at += need;
		s += len ? len : 1;
	}
	if (size)
		out[at] = '\0';
	return out;
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static char *scaled(uint64_t n, uint64_t base, const char *const *units, char *out, size_t size)
{
	unsigned i = 0;
	uint64_t unit = 1;

	while (i < 5 && n / unit >= base) {
		unit *= base;
		i++;
	}
	uint64_t tenths = n / unit >= 100 ? 0 : (n % unit) / (unit / 10 ? unit / 10 : 1);

	if (i && n / unit < 100)
		snprintf(out, size, "%llu.%llu%s", (unsigned long long)(n / unit),
			(unsigned long long)MIN(tenths, UINT64_C(9)), units[i]);
	else
		snprintf(out, size, "%llu%s", (unsigned long long)(n / unit), units[i]);
	return out;
}

char *text_count(uint64_t n, char *out, size_t size)
{
	static const char *const units[] = { "", " k", " M", " G", " T", " P" };

	if (n < 100000) { /* five digits are easier to read than a rounded number */
		snprintf(out, size, "%llu", (unsigned long long)n);
		return out;
	}
	return scaled(n, 1000, units, out, size);
}

char *text_bytes(uint64_t n, char *out, size_t size)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB" };

	return scaled(n, 1024, units, out, size);
}

char *text_duration(uint64_t s, char *out, size_t size)
{
	unsigned long long v = s;

	if (v < 60)
		snprintf(out, size, "%llu s", v);
	else if (v < 3600)
		snprintf(out, size, "%llu min %llu s", v / 60, v % 60);
	else if (v < 86400)
		snprintf(out, size, "%llu h %llu min", v / 3600, v % 3600 / 60);
	else
		snprintf(out, size, "%llu d %llu h", v / 86400, v % 86400 / 3600);
	return out;
}

#define WORD_LEN 32

static unsigned alignment(const char *a, size_t n, const char *b, size_t m)
{
	unsigned row[WORD_LEN + 1][WORD_LEN + 1];

	for (size_t i = 0; i <= n; i++)
		row[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned best = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, row[i - 1][j] + 1);
			best = MIN(best, row[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, row[i - 2][j - 2] + 1);
			row[i][j] = best;
		}
	}
	return row[n][m];
}

unsigned text_distance(const char *word, const char *candidate)
{
	size_t n = strlen(word);
	size_t m = strlen(candidate);

	if (n == 0 || m == 0 || n > WORD_LEN || m > WORD_LEN)
		return UINT_MAX;
	/* "net" for "network" is a beginning, not a typing mistake */
	if (n >= 2 && n < m && strncmp(word, candidate, n) == 0)
		return 1;
	unsigned d = alignment(word, n, candidate, m);

	return d <= 1 + MAX(n, m) / 4 && d < MAX(n, m) ? d : UINT_MAX;
}

const char *text_nearest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (; *words; words++) {
		unsigned d = text_distance(word, *words);

		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}
