/* SPDX-License-Identifier: Apache-2.0 */
/* engine_link_fuzz.c - hostile messages from the engine to the daemon.
 *
 * Input: u8 number of fds that came, u8 flags, then the message.  Unless the flags say otherwise its
 * header gets a true length and number of fds (a fuzzer seldom guesses both).  What
 * engine_wire_decode() lets through is read as its consumers read it: every byte of the body, names,
 * and as many entries of the forwarding table as the message promises.
 * Claims: no crash, nothing behind the message is looked at.
 * Planted bug (SAKLAR_PLANTED_BUG): FDB_ENTRIES may promise more entries than it has. */
#include "config/engine_wire.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

#define RAW_HEADER 1u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint32_t sink;

static void read_entries(const struct engine_msg *m)
{
	const uint8_t *body = m->body;
	uint32_t n;

	memcpy(&n, body + offsetof(struct msg_fdb_entries, n), sizeof(n));
	for (uint32_t i = 0; i < n; i++) {
		struct msg_fdb_entry entry;

		memcpy(&entry, body + offsetof(struct msg_fdb_entries, entry) + i * sizeof(entry),
			sizeof(entry));
		sink += entry.moves;
	}
}

static void read_body(const struct engine_msg *m)
{
	const uint8_t *body = m->body;
	struct msg_vif vif;

	for (size_t i = 0; i < m->body_len; i++)
		sink += body[i];
	if (m->type == ENGINE_MSG_FDB_ENTRIES)
		read_entries(m);
	if (m->type == ENGINE_MSG_HELD_VIF) {
		memcpy(&vif, body, sizeof(vif));
		sink += engine_wire_is_name(vif.name, sizeof(vif.name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct engine_msg m = { 0 };
	unsigned n_fds;
	size_t len;

	if (size < 2)
		return 0;
	n_fds = bytes[0] % (ENGINE_MSG_FDS_MAX + 2);
	len = size - 2;
	/* A copy of the exact size, so that the sanitizer sees a read behind its end. */
	uint8_t *copy = malloc(len > 0 ? len : 1);

	CHECK(copy != NULL);
	memcpy(copy, bytes + 2, len);
	if ((bytes[1] & RAW_HEADER) == 0 && len >= sizeof(struct engine_msg_hdr)) {
		struct engine_msg_hdr hdr;

		memcpy(&hdr, copy, sizeof(hdr));
		hdr.len = (uint32_t)len;
		hdr.n_fds = n_fds;
		memcpy(copy, &hdr, sizeof(hdr));
	}
	if (engine_wire_decode(copy, len, n_fds, &m) == 0)
		read_body(&m);
	free(copy);
	return 0;
}
