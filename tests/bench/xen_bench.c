/* SPDX-License-Identifier: Apache-2.0 */
/* xen_bench.c - frames a second from one guest's tx ring to another's rx ring, on one core.
 *
 * Usage: xen_bench [SECONDS]
 * Theory: two front ends and the ring code in one thread, over the seam of tests/lib/xen_shm.c: a
 * memcpy takes the place of the grant copy, and an eventfd's write that of a notification (the front
 * ends do not want any, as busy guests do not).  The clock (processor time) runs while the back end does: run of the
 * tx ring, parse, run of the rx ring; the front ends' work is counted apart, since guests have
 * processors of their own.  No bridge is between.
 * Prints: name, packets a second, Gbit/s, share of the processor time that was the back end's. */
#include "tests/lib/pkt_build.h"
#include "tests/lib/xen_bed.h"
#include "vif/pkt_parse.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct load {
	const char *name;
	uint32_t burst; /* packets put on the ring at once */
	struct frame frame;
	struct front_send how;
};

struct result {
	uint64_t packets, bytes, back_ns, wall_ns;
};

/* Time of this thread on a processor: others may want the machine too. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* What a guest does with a frame, without looking at its bytes. */
static void rx_recycle(struct xen_front *f)
{
	uint32_t prod = __atomic_load_n(&f->rx.shared->rsp_prod, __ATOMIC_ACQUIRE);

	f->rx.rsp_cons = prod;
	xen_front_rx_fill(f, FRONT_RING);
}

static void back_run(struct xen_bed *a, struct xen_bed *b, struct burst *burst, struct result *r)
{
	struct tx_item items[BURST_RX_MAX];
	struct xen_batch batch = { .burst = burst, .items = items };

	while ((burst->n = xen_in_run(&a->in, &a->io, &a->copies, burst->pkt, BURST_RX_MAX)) > 0) {
		pkt_parse(burst);
		batch.n = burst->n;
		for (uint16_t i = 0; i < burst->n; i++)
			items[i] = (struct tx_item){ .pkt = i, .out_vif = XEN_BED_VIF };
		xen_out_run(&b->out, XEN_BED_VIF, &b->io, &b->copies, &batch);
		for (uint16_t i = 0; i < burst->n; i++) {
			CHECK(items[i].drop == DROP_NONE);
			r->packets++;
			r->bytes += burst->pkt[i].len;
			rte_pktmbuf_free(burst->pkt[i].m);
		}
	}
}

static struct result run(const struct load *l, double seconds)
{
	struct xen_bed *a = xen_bed_create(), *b = xen_bed_create();
	static struct burst burst;
	struct result r = { 0 };
	uint64_t begin = now_ns(), now = begin;

	rx_recycle(b->front);
	while (now - begin < (uint64_t)(seconds * (double)NS_PER_SEC)) {
		for (uint32_t i = 0; i < l->burst; i++)
			CHECK(xen_front_send(a->front, l->frame.bytes, l->frame.len, &l->how));
		xen_front_tx_push(a->front);
		now = now_ns();
		r.back_ns -= now;
		back_run(a, b, &burst, &r);
		now = now_ns();
		r.back_ns += now;
		CHECK(xen_front_tx_reap(a->front) > 0);
		rx_recycle(b->front);
	}
	r.wall_ns = now - begin;
	xen_bed_destroy(a);
	xen_bed_destroy(b);
	return r;
}

static void report(const struct load *l, double seconds)
{
	struct result r = run(l, seconds);
	double s = (double)r.back_ns / (double)NS_PER_SEC;

	printf("%-12s %8.2f Mpps %8.2f Gbit/s  back end %3.0f %% of the time\n", l->name,
		(double)r.packets / s / 1e6, (double)r.bytes * 8 / s / 1e9,
		100.0 * (double)r.back_ns / (double)r.wall_ns);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	static const struct xen_extra gso
		= { .type = XEN_EXTRA_GSO, .u.gso = { .size = 1448, .type = XEN_GSO_TCP4 } };
	static struct load loads[] = {
		{ .name = "64 bytes", .burst = 128 },
		{ .name = "64, alone", .burst = 1 },
		{ .name = "1514 bytes", .burst = 64 },
		{ .name = "GSO 64 KiB", .burst = 12 },
	};

	frame_simple(&loads[0].frame, MAC_OF(1), MAC_OF(2), 22);
	frame_simple(&loads[1].frame, MAC_OF(1), MAC_OF(2), 22);
	frame_simple(&loads[2].frame, MAC_OF(1), MAC_OF(2), 1472);
	frame_super(&loads[3].frame, false, false, 65226);
	loads[3].how = (struct front_send){
		.extras = &gso, .n_extras = 1, .flags = XEN_TX_CSUM_BLANK | XEN_TX_DATA_VALIDATED
	};
	for (unsigned i = 0; i < ARRAY_LEN(loads); i++)
		report(&loads[i], seconds);
	return 0;
}
