/* SPDX-License-Identifier: Apache-2.0 */
/* ct_times.c - text to struct ct_times and back.
 *
 * From: schema_network.c.  To: snapshot_build.c.
 * Thread: any; no state. */
#include "config/ct_times.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t seconds;
} rows[CT_TIMEOUT_N] = {
#define X(id, text, def) [CT_TIMEOUT_##id] = { text, def },
	CT_TIMEOUTS(X)
#undef X
};

static int refuse_name(const char *word, const char *path, struct err *e)
{
	char names[200] = "";

	for (unsigned i = 0; i < CT_TIMEOUT_N; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			i > 0 ? ", " : "", rows[i].name);
	return err_set(e, -EINVAL, path,
		"'%.24s' is no timeout: write NAME=SECONDS with NAME one of %s", word, names);
}

static int read_word(char *word, const char *path, struct ct_times *out, struct err *e)
{
	char *value = strchr(word, '='), *end = NULL;
	unsigned long seconds = 0;
	unsigned i = 0;

	if (value != NULL)
		*value++ = '\0';
	while (i < CT_TIMEOUT_N && strcmp(rows[i].name, word) != 0)
		i++;
	if (value == NULL || i == CT_TIMEOUT_N)
		return refuse_name(word, path, e);
	if (value[0] >= '0' && value[0] <= '9')
		seconds = strtoul(value, &end, 10);
	if (end == NULL || *end != '\0' || seconds == 0 || seconds > CT_TIMEOUT_MAX_S)
		return err_set(e, -EINVAL, path,
			"%s=%.16s is not right: write seconds, from 1 to %d", word, value,
			CT_TIMEOUT_MAX_S);
	out->s[i] = (uint32_t)seconds;
	return 0;
}

int ct_times_parse(const char *text, const char *path, struct ct_times *out, struct err *e)
{
	char copy[CT_TIMES_TEXT_LEN], *save = NULL; /* the schema takes no more */
	int rc = 0;

	*out = (struct ct_times){ 0 };
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, ", ", &save); w && rc == 0; w = strtok_r(NULL, ", ", &save))
		rc = read_word(w, path, out, e);
	return rc;
}

const char *ct_times_print(const struct ct_times *t, char buf[CT_TIMES_TEXT_LEN])
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < CT_TIMEOUT_N; i++)
		if (t->s[i] != 0 && t->s[i] != rows[i].seconds)
			at += (size_t)snprintf(buf + at, CT_TIMES_TEXT_LEN - at, "%s%s=%u",
				at > 0 ? "," : "", rows[i].name, t->s[i]);
	return buf;
}
