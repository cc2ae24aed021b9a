/* SPDX-License-Identifier: Apache-2.0 */
/* packet_walk_test.c - docs/packet-walk.md tells the stages a frame really passes, in their order,
 * with the functions and files they are in. */
#include "tests/lib/bed.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALK "docs/packet-walk.md"

struct walked {
	unsigned n;
	enum stage stage[STAGE_N * 2];
	enum drop_reason drop_at_end;
	uint16_t dst_vif;
};

static void stage_seen(void *arg, enum stage stage, const struct burst *b)
{
	struct walked *w = arg;

	assert_true(w->n < ARRAY_LEN(w->stage));
	assert_int_equal(b->n, 1);
	w->stage[w->n++] = stage;
	w->drop_at_end = b->pkt[0].drop;
	w->dst_vif = b->pkt[0].dst_vif;
}

/* Walk one known unicast frame from vif 1 to vif 2. */
static void walk_canned_frame(struct bed *b, struct walked *w)
{
	static struct frame f;
	const struct pipeline_trace trace = { .stage = stage_seen, .arg = w };

	bed_network(b, 1);
	bed_port(b, 1, 1);
	bed_port(b, 2, 1);
	bed_apply(b);
	frame_simple(&f, MAC_BCAST, MAC_OF(2), 20);
	bed_step(b, 2, &f);
	bed_clear(b);
	frame_simple(&f, MAC_OF(2), MAC_OF(1), 100);
	pipeline_set_trace(b->pipeline, &trace);
	bed_step(b, 1, &f);
	pipeline_set_trace(b->pipeline, NULL);
	EXPECT_FRAME(b, 2, &f);
}

/* The next heading of a stage, "NAME: function, file"; false at the end. */
static bool next_heading(FILE *doc, char *out, size_t size)
{
	char line[512];

	while (fgets(line, sizeof(line), doc) != NULL) {
		if (strncmp(line, "### ", 4) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, size, "%s", line + 4);
		return true;
	}
	return false;
}

static bool file_contains(const char *path, const char *text)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, text) != NULL;
	fclose(f);
	return found;
}

static void packet_walk_names_the_stages_that_a_frame_passes(void **state)
{
	struct walked w = { 0 };
	char heading[256], function[128];
	FILE *doc = fopen(WALK, "re");
	unsigned n = 0;

	assert_non_null(doc);
	walk_canned_frame(*state, &w);
	assert_int_equal(w.drop_at_end, DROP_NONE);
	assert_int_equal(w.dst_vif, 2);
	while (next_heading(doc, heading, sizeof(heading))) {
		const struct stage_text *text;
		char want[256];

		assert_true(n < w.n);
		text = &stage_texts[w.stage[n]];
		/* the table says "function, file: what it does", the page "NAME: function, file" */
		snprintf(want, sizeof(want), "%s: %.*s", text->name, (int)strcspn(text->doc, ":"),
			text->doc);
		assert_string_equal(heading, want);
		snprintf(function, sizeof(function), "%.*s(", (int)strcspn(text->doc, ","),
			text->doc);
		assert_true(file_contains(strstr(heading, ", ") + 2, function));
		n++;
	}
	assert_int_equal(n, w.n);
	assert_int_equal(n, STAGE_N);
	fclose(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* of one worker: the trace is the owner's */
		BED_TEST(packet_walk_names_the_stages_that_a_frame_passes, 1, 1, 0, ""),
		BED_TEST(packet_walk_names_the_stages_that_a_frame_passes, 32, 1, 0, ""),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
