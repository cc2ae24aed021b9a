/* SPDX-License-Identifier: Apache-2.0 */
/* router_fuzz.c - hostile guests and a hostile LAN in front of the router, whole pipeline.
 *
 * Input: records of {how, length, bytes of a frame}.  how: bits 0..2 the vif, bit 3: put the MAC of
 * the router port in, bit 4: put the IPv4 header checksum right, bit 5: a second passes before.
 * Planted bug (SAKLAR_PLANTED_BUG): privileged ports are kept, by not translating.
 * Claims: no crash; no buffer is lost; what leaves by the LAN never has a source of the NAT network. */
#include "tests/lib/routed.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint16_t vifs[8] = { 1, 2, 3, 4, 5, LAN_VIF, 8, 9 };
static struct frame F;

static struct bed *bed_once(void)
{
	static struct bed *b;
	void *state;

	if (b != NULL)
		return b;
	b = bed_create(32);
	state = b;
	bed_forward(b, UPLINK_NET, 17, 53, (struct forward_to){ 1, "10.0.1.11", 53 });
	bed_forward(b, UPLINK_NET, 6, 80, (struct forward_to){ 1, "10.0.1.12", 8080 });
	return routed_bed(&state);
}

static void fix_csum(void)
{
	uint8_t *ip = F.bytes + 14;
	uint32_t len = (ip[0] & 15u) * 4u;
	uint16_t sum;

	if (F.len < 34 || ip[0] >> 4 != 4 || len < 20 || F.len < 14 + len)
		return;
	memset(ip + 10, 0, 2);
	sum = (uint16_t)~sum_of(ip, len, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* Networks of mode open have no rules: a guest there may say that it is one of the NAT network's. */
static bool is_forged(const struct bed *b, uint16_t vif_id)
{
	uint16_t network_id = b->cfg->port[vif_id].network_id;

	return b->cfg->router[network_id].conf.policy == SNAP_POLICY_OPEN && F.len >= 34
		&& F.bytes[12] == 8 && F.bytes[13] == 0
		&& memcmp(F.bytes + 26, (const uint8_t[]){ 10, 0, 1 }, 3) == 0;
}

static void look_outside(struct bed *b)
{
	struct mem_frame f;

	while (vif_mem_take(b->vif[LAN_VIF], &f)) {
		CHECK(f.len < 34 || f.bytes[12] != 8 || f.bytes[13] != 0 || f.bytes[14] >> 4 != 4
			|| memcmp(f.bytes + 6, b->cfg->router[UPLINK_NET].conf.mac, 6) != 0
			|| memcmp(f.bytes + 26, (const uint8_t[]){ 10, 0, 1 }, 3) != 0);
		free(f.bytes);
	}
	bed_clear(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bed *b = bed_once();

	routed_neighbours(b); /* those that did not answer the last input are forgotten */
	for (unsigned n = 0; n < 64 && size >= 3; n++) {
		uint8_t how = bytes[0];
		uint16_t vif_id = vifs[how & 7];
		uint32_t len = MIN((uint32_t)(bytes[1] << 8 | bytes[2]), (uint32_t)(size - 3));

		if (len > 3000)
			len = 3000;
		memcpy(F.bytes, bytes + 3, len);
		F.len = len;
		F.offload = (struct mem_offload){ 0 };
		bytes += 3 + len;
		size -= 3 + len;
		if (how & 32) {
			bed_run(b);
			bed_warp(b, NS_PER_SEC);
		}
		if ((how & 8) != 0 && len >= 14) {
			memcpy(F.bytes, b->cfg->router[b->cfg->port[vif_id].network_id].conf.mac,
				6);
			memcpy(F.bytes + 6, MAC_OF(vif_id), 6);
		}
		if (how & 16)
			fix_csum();
		if (is_forged(b, vif_id))
			continue;
		bed_send(b, vif_id, &F);
	}
	bed_run(b);
	look_outside(b);
	for (unsigned i = 0; i < 4; i++) { /* those who wait are given up */
		bed_warp(b, NS_PER_SEC);
		bed_tick(b);
	}
	look_outside(b);
	CHECK(neigh_held(pipeline_neigh(b->pipeline)) == 0);
	ct_flush(b->ct, 0, 0);
	CHECK(b->ct->tab.n_live == 0);
	return 0;
}
