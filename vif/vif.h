/* SPDX-License-Identifier: Apache-2.0 */
/* vif.h - contract of a vif type: how packets get in and out of the switch.
 *
 * What it is: one object per vif in the engine, built from a VIF_OPEN message; the type's
 * operations are const tables in vif.c, one file per type (vif_netdev.c, vif_host.c, vif_mem.c).
 * Life:
 *   1. control thread: vif_open() checks the message, takes the fds, allocates queues;
 *   2. the vif table with the new object is published to workers between two bursts;
 *   3. worker: ops->rx() for its queues, ops->tx() for items; sleeps on ops->wait_fd();
 *   4. control thread: taken out of the table, all workers have passed a burst, vif_close().
 * Who may touch what: rx state of a queue belongs to the worker that owns the queue; tx goes
 * through the vif's queue with the number of the worker modulo n_queues, one worker at a time where the
 * type says .tx_is_exclusive or sees to it by itself; everything else is read-only while published.  The
 * engine never opens fds and never changes the netdev.
 * Threads: open/close control; rx/tx/wait_fd worker. */
#pragma once

#include "vif/burst.h"
#include "vif/spin.h"
#include "vswitch/abi/counters.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"

struct vif;

#define VIF_NO_WORKER UINT16_MAX /* a queue on its way from one to another */

struct vif_queue {
	int fd; /* -1: none */
	uint16_t index;
	uint16_t worker; /* that polls it, or VIF_NO_WORKER; atomic */
	uint64_t n_packets; /* received; atomic */
	uint64_t n_packets_before; /* the control thread's, vswitch/balance.c */
	uint16_t turn_max; /* packets that the worker takes in one turn, see worker.c */
	uint64_t last_busy_ns; /* when rx last found something */
	uint64_t
		look_at_ns; /* set by rx: to be polled again then although nothing wakes; 0: never */
	bool is_polled; /* in the worker's hot list; else waits in epoll */
	bool is_dead; /* fd failed for good; any worker may find out: vif_queue_is_dead() */
	bool is_reported; /* and the control thread knows; atomic */
	struct spin tx_lock; /* .tx_is_exclusive, or the type's; held for one burst */
	void *type_state; /* of the vif type */
};

static inline bool vif_queue_is_dead(const struct vif_queue *q)
{
	return __atomic_load_n(&q->is_dead, __ATOMIC_RELAXED);
}

static inline void vif_queue_die(struct vif_queue *q)
{
	__atomic_store_n(&q->is_dead, true, __ATOMIC_RELAXED);
}

/* What a worker lends to rx and tx: pools, scratch buffers, counters, clock. */
struct vif_io {
	struct rte_mempool *small_pool; /* VIF_SMALL_DATA bytes of data room and headroom */
	struct rte_mempool *big_pool; /* 65,535 bytes of data room: the tail of large frames */
	struct vif_counters *vif_counters; /* [VIF_ID_MAX] of this worker */
	struct worker_counters *worker_counters;
	struct bell *bell; /* signals the call fds of vhost-user guests; vif/bell.h */
	struct io_scratch *scratch; /* iovecs, message headers, spare mbufs; vif/io_scratch.h */
	uint64_t now_ns;
	uint16_t worker;
	bool polls; /* it never sleeps */
	bool saw_dead; /* set by tx and rx when a queue's fd failed for good */
};

struct vif_ops {
	const char *name;
	/* Check and prepare; fds are in v->queue[].fd already.  0 or -errno with @e. */
	int (*open)(struct vif *v, struct err *e);
	void (*close)(struct vif *v);
	/* Receive at most @max packets into @pkts; sets m, len, in_vif, offload fields; counts
	 * nothing but losses.  Returns how many. */
	uint16_t (*rx)(struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts,
		uint16_t max);
	/* Send the packets of @items[0..n), all for this vif; sets items[i].drop where a copy is
	 * lost.  Does not free: the burst owns the mbufs.  Counts tx_packets, tx_bytes. */
	void (*tx)(struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items,
		uint32_t n);
	/* @n packets are about to be sent, those of other vifs first: have near what tx will look at.  NULL: the
	 * type waits for no memory. */
	void (*tx_soon)(struct vif *v, const struct vif_io *io, uint32_t n);
	/* Readable fd to sleep on, or -1 when the type has none. */
	int (*wait_fd)(const struct vif_queue *q);
	/* Must @p, a GSO frame, be cut before tx?  It is the last word; NULL: a kernel's device, which
	 * is asked by sending. */
	bool (*must_segment)(const struct vif *v, const struct pkt *p);
	/* tx uses the queue of the worker's number only, and that bears one worker at a time: rings in
	 * memory, whose types may also lock by themselves.  The kernel's fds bear any number. */
	bool tx_is_exclusive;
};

#define VIF_GSO_KINDS 8 /* GSO types of struct pkt, each with and without PKT_GSO_ECN */

struct vif {
	uint16_t id;
	uint8_t type; /* enum vif_type */
	uint8_t n_queues;
	uint16_t mtu;
	uint32_t flags; /* enum msg_vif_flag */
	uint32_t ifindex;
	uint64_t cookie;
	char name[SAKLAR_NAME_LEN];
	char ifname[SAKLAR_NAME_LEN];
	const struct vif_ops *ops;
	struct vif_queue queue[VIF_QUEUES_MAX];
	int extra_fd; /* beside those of the queues; -1: none */
	/* Until when frames of a kind are segmented because the device refused one; 0: it takes them.
	 * Written by the workers that send, relaxed: a lost update costs another refused frame. */
	uint64_t segment_until_ns[VIF_GSO_KINDS];
	void *type_state;
	const void *open_arg; /* of the type; while it is being opened */
};

/* By id; published to workers as a whole; NULL where there is none. */
struct vif_table {
	uint16_t n; /* entries in ids[] */
	uint16_t ids[VIF_ID_MAX];
	struct vif *by_id[VIF_ID_MAX];
};

extern const struct vif_ops vif_netdev_ops; /* vif_netdev.c: tap's netdev side, veth, NIC */
extern const struct vif_ops vif_host_ops; /* vif_host.c: the tap's fd */
extern const struct vif_ops vif_vhost_ops; /* vif_vhost.c: a VMM's vhost-user */
extern const struct vif_ops vif_xen_ops; /* vif_xen.c: rings of a Xen guest */
extern const struct vif_ops vif_mem_ops; /* vif_mem.c */

/* Build a vif from @msg and @fds (taken over on success and on failure alike).  NULL with @e. */
struct vif *vif_open(const struct msg_vif *msg, const int *fds, unsigned n_fds, struct err *e);
/* The same with what the type's open wants to know beyond @msg; it is not kept. */
struct vif *vif_open_with(const struct msg_vif *msg, const void *open_arg, const int *fds,
	unsigned n_fds, struct err *e);
void vif_close(struct vif *v);

/* Send all items of a burst, grouped by out_vif by the caller.  Marks copies that are lost,
 * counts them on the vif they should have left by; what that vif's kernel cannot take whole is
 * segmented here.  Worker thread. */
void vif_tx(const struct vif_table *vifs, struct vif_io *io, struct burst *b, struct tx_items *out);
