/* SPDX-License-Identifier: Apache-2.0 */
/* storm_text.c - read and print limits of flooding; see storm_text.h.
 *
 * From: schema_vif.c.  To: snapshot_meters.c of the engine, by snapshot_build.c.
 * Invariants: with a rate the burst is not 0.
 * Thread: the daemon has one. */
#include "config/storm_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 100000000u

static bool read_number(const char **at, uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	n = strtoull(*at, &end, 10);
	*at = end;
	*out = (uint32_t)n;
	return n >= 1 && n <= FRAMES_MAX;
}

int storm_text_parse(const char *text, const char *path, struct storm_limit *out, struct err *e)
{
	const char *at = text;

	*out = (struct storm_limit){ .is_set = true };
	if (strcmp(text, "off") == 0)
		return 0;
	if (read_number(&at, &out->rate)) {
		out->burst = MIN(out->rate * 2, FRAMES_MAX);
		if (*at == '\0' || (*at++ == '/' && read_number(&at, &out->burst) && *at == '\0'))
			return 0;
	}
	return err_set(e, -EINVAL, path,
		"'%.40s' is no limit of floods: write frames a second (1 to %u) such as 1000, with "
		"a burst 1000/2000, or off",
		text, FRAMES_MAX);
}

const char *storm_text_print(const struct storm_limit *l, char buf[STORM_TEXT_LEN])
{
	if (!l->is_set)
		buf[0] = '\0';
	else if (l->rate == 0)
		snprintf(buf, STORM_TEXT_LEN, "off");
	else
		snprintf(buf, STORM_TEXT_LEN, "%" PRIu32 "/%" PRIu32, l->rate, l->burst);
	return buf;
}
