/* SPDX-License-Identifier: Apache-2.0 */
/* stp_fuzz.c - neighbours of a spanning tree bridge that say anything, at any time.
 *
 * Input: steps of a bridge with three ports.  A byte says what happens next and where: time passes, a
 * link goes up or down, a setting changes, or a frame comes in whose length and bytes follow.
 * Planted bug (SAKLAR_PLANTED_BUG): the length in the frame is believed.
 * Claims: reads only the frame; the machines come to rest; a port that neither is root nor designated
 * does not forward; at most one root port; what is remembered can be restored. */
#include "bridge/stp.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define N_PORTS 3

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void on_send(void *, struct stp_port *p, const uint8_t *frame)
{
	CHECK(p->v.port_enabled && frame[0] == 1 && frame[5] == 0);
}

static void on_flush(void *, struct stp_port *)
{
}

static void on_changed(void *, struct stp_port *p, enum stp_role was)
{
	CHECK(was < STP_ROLE_N && p->v.role < STP_ROLE_N);
}

static void check_bridge(const struct stp_bridge *b, uint64_t now_ns)
{
	unsigned n_roots = 0;

	CHECK(b->n_overruns == 0);
	CHECK(stp_bridge_vars_are_sound(&b->v, now_ns));
	for (const struct stp_port *p = b->first; p != NULL; p = p->next) {
		n_roots += p->v.role == STP_ROLE_ROOT;
		CHECK(p->v.role == STP_ROLE_ROOT || p->v.role == STP_ROLE_DESIGNATED
			|| !p->v.learning);
		CHECK(stp_port_vars_are_sound(&p->v));
	}
	CHECK(n_roots <= 1);
}

/* A frame in memory of its own, so that reading behind it is seen. */
static void receive(struct stp_port *p, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	uint8_t *frame = malloc(len + 1);

	CHECK(frame != NULL);
	memcpy(frame + 1, bytes, len);
	stp_receive(p, frame + 1, len, now_ns);
	free(frame);
}

/* Returns how many bytes of @bytes were the frame. */
static size_t frame_take(
	struct stp_port *p, const uint8_t *bytes, size_t size, uint8_t arg, uint64_t now_ns)
{
	size_t len = MIN((size_t)arg % 64, size);

	receive(p, bytes, len, now_ns);
	return len;
}

static void port_change(struct stp_port *p, uint8_t how, uint64_t now_ns)
{
	struct stp_port_conf conf = p->conf;

	conf.admin_edge = how & 1;
	conf.auto_edge = how >> 1 & 1;
	conf.bpdu_guard = (how >> 2 & 3) == 3;
	conf.root_guard = how >> 4 & 1;
	conf.path_cost = 1u + how;
	stp_port_set(p, &conf, now_ns);
}

static void bridge_change(struct stp_bridge *b, uint8_t how, uint64_t now_ns)
{
	struct stp_bridge_conf conf = b->conf;

	conf.version = how & 2;
	conf.priority = (uint16_t)(how << 8);
	conf.hello_s = (uint8_t)(1 + how % 10);
	stp_bridge_set(b, &conf, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct stp_ops ops = { on_send, on_flush, on_changed };
	static const struct stp_bridge_conf conf = {
		.address = { 2, 0, 0, 0, 0, 1 },
		.priority = 32768,
		.version = STP_VERSION_RSTP,
		.hello_s = 2,
		.max_age_s = 20,
		.forward_delay_s = 15,
	};
	uint64_t now_ns = NS_PER_SEC;
	struct stp_port port[N_PORTS];
	struct stp_bridge b;
	size_t at = 0;

	stp_bridge_init(&b, &conf, &ops, NULL, now_ns);
	for (uint16_t i = 0; i < N_PORTS; i++) {
		const struct stp_port_conf c = {
			.port_no = (uint16_t)(i + 1),
			.priority = 128,
			.auto_edge = true,
			.path_cost = 20000,
		};

		stp_port_add(&b, &port[i], &c);
		stp_port_enable(&port[i], true, now_ns);
	}
	while (at + 1 < size) {
		uint8_t what = bytes[at], arg = bytes[at + 1];
		struct stp_port *p = &port[(what >> 4) % N_PORTS];

		at += 2;
		switch (what & 7) {
		case 0:
			now_ns += arg * 100 * NS_PER_MS;
			stp_tick(&b, now_ns);
			break;
		case 1: stp_port_enable(p, arg & 1, now_ns); break;
		case 2: port_change(p, arg, now_ns); break;
		case 3: bridge_change(&b, arg, now_ns); break;
		case 4: stp_port_mcheck(p, now_ns); break;
		default: at += frame_take(p, bytes + at, size - at, arg, now_ns); break;
		}
		check_bridge(&b, now_ns);
	}
	return 0;
}
