/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_bed.c - frames about groups into the pipeline, and where they came out; see mdb_bed.h.
 *
 * From: tests/pipeline/mdb_*_test.c.  Thread: one. */
#include "tests/lib/mdb_bed.h"

#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct frame F;

/* Vifs that frames came out of since the last time, in order; each once. */
const char *mdb_heard(struct bed *b)
{
	static char text[256];
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < b->vifs.n; i++) {
		unsigned n = 0;
		struct mem_frame f;

		while (vif_mem_take(b->vif[b->vifs.ids[i]], &f)) {
			free(f.bytes);
			n++;
		}
		if (n > 0)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u",
				at > 0 ? " " : "", b->vifs.ids[i]);
	}
	return text;
}

const char *mdb_ask_from(struct bed *b, uint16_t vif_id, unsigned host, const char *words)
{
	memset(&F.offload, 0, sizeof(F.offload));
	F.len = mcast_frame(F.bytes, host, words);
	assert_int_not_equal(F.len, 0);
	bed_step(b, vif_id, &F);
	return mdb_heard(b);
}

const char *mdb_ask(struct bed *b, uint16_t vif_id, const char *words)
{
	return mdb_ask_from(b, vif_id, vif_id, words);
}

void mdb_wait(struct bed *b, uint64_t ns)
{
	bed_warp(b, ns);
	bed_tick(b);
}

/* Network 1 with vifs 1 to 5; nobody asks for members yet. */
struct snap_mcast *mdb_bed(struct bed *b, uint8_t flags)
{
	struct snap_mcast *conf;

	bed_network(b, 1);
	for (uint16_t i = 1; i <= 5; i++)
		bed_port(b, i, 1);
	conf = bed_mcast(b, 1);
	conf->flags = flags;
	bed_apply(b);
	return conf;
}

/* The same, with a querier for both families behind vif 5, whose members have answered. */
struct snap_mcast *mdb_asked_bed(struct bed *b, uint8_t flags)
{
	struct snap_mcast *conf = mdb_bed(b, flags);

	assert_string_equal(mdb_ask(b, 5, "query 4"), "1 2 3 4");
	assert_string_equal(mdb_ask(b, 5, "query 6"), "1 2 3 4");
	bed_warp(b, 10 * NS_PER_SEC);
	return conf;
}

unsigned mdb_queries(struct bed *b, uint16_t vif_id)
{
	struct mem_frame f;
	unsigned n = 0;

	while (vif_mem_take(b->vif[vif_id], &f)) {
		assert_null(frame_fault(f.bytes, f.len, false));
		n += f.bytes[12] == 8 && f.bytes[23] == 2 && f.bytes[38] == 0x11;
		n += f.bytes[12] == 0x86 && f.bytes[62] == 130;
		free(f.bytes);
	}
	return n;
}
