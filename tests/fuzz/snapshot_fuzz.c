/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_fuzz.c - configurations of a daemon that has gone mad.
 *
 * Input: the bytes of a SNAPSHOT message; the magic and, when the first byte is even, size and
 * counts are put right, so that the fuzzer gets behind the header.
 * Planted bug (SAKLAR_PLANTED_BUG): a port may have any MTU.
 * Claims: refused with a reason, or indexed within bounds with the invariants of
 * bridge/snapshot.c. */
#include "bridge/snapshot.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_network(const struct snapshot *s, uint16_t id)
{
	const struct snapshot_network *n = &s->network[id];

	CHECK(n->conf.network_id == id || (n->conf.network_id == 0 && n->n_ports == 0));
	for (uint16_t i = 0; i < n->n_ports; i++) {
		const struct snap_port *p = snapshot_port(s, n->ports[i]);

		CHECK(p != NULL && p->network_id == id && p->mtu >= 68);
		CHECK(i == 0 || n->ports[i - 1] < n->ports[i]);
	}
	if (n->conf.leg_vif_id != VIF_ID_NONE) {
		const struct snap_port *leg = snapshot_port(s, n->conf.leg_vif_id);

		CHECK(leg != NULL && leg->network_id == id);
	}
}

static void check_mirrors(const struct snapshot *s)
{
	for (uint32_t i = 0; i < s->n_mirrors; i++) {
		const struct snap_mirror *m = &s->mirror[i].conf;
		const struct snap_port *target = snapshot_port(s, m->target_id);

		CHECK(target != NULL && target->network_id == NETWORK_ID_NONE);
		CHECK((target->flags & SNAPSHOT_PORT_MIRRORED) == 0);
		CHECK(i == 0 || s->mirror[i - 1].conf.target_id <= m->target_id);
		CHECK((m->directions & ~s->mirror_directions) == 0);
	}
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
	struct err e = ERR_NONE;
	struct snapshot *s = snapshot_create(bytes, size, &e);

	if (s == NULL) {
		CHECK(e.code < 0 && e.msg[0] != '\0');
		return;
	}
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++)
		check_network(s, id);
	check_mirrors(s);
	snapshot_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct snap_hdr hdr;
	uint8_t *copy;

	try_bytes(bytes, size);
	if (size < sizeof(hdr) || size > SNAPSHOT_SIZE_MAX)
		return 0;
	copy = malloc(size);
	CHECK(copy != NULL);
	memcpy(copy, bytes, size);
	memcpy(&hdr, bytes, sizeof(hdr));
	hdr.magic = SNAPSHOT_MAGIC;
	if (bytes[0] % 2 == 0) {
		size_t left = size - sizeof(hdr);

		hdr.n_networks = bytes[1] % 4;
		if (left < hdr.n_networks * sizeof(struct snap_network))
			hdr.n_networks = 0;
		left -= hdr.n_networks * sizeof(struct snap_network);
		hdr.n_mirrors = bytes[0] % 4 == 0 ? 0 : (uint16_t)(bytes[2] % 4);
		if (left < hdr.n_mirrors * sizeof(struct snap_mirror))
			hdr.n_mirrors = 0;
		left -= hdr.n_mirrors * sizeof(struct snap_mirror);
		hdr.n_ports = (uint32_t)(left / sizeof(struct snap_port));
		size = sizeof(hdr) + hdr.n_networks * sizeof(struct snap_network)
			+ hdr.n_ports * sizeof(struct snap_port)
			+ hdr.n_mirrors * sizeof(struct snap_mirror);
		hdr.size = (uint32_t)size;
	}
	memcpy(copy, &hdr, sizeof(hdr));
	try_bytes(copy, size);
	free(copy);
	return 0;
}
