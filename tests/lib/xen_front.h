/* SPDX-License-Identifier: Apache-2.0 */
/* xen_front.h - a guest's network front end in the test's process: honest, or as hostile as one likes.
 *
 * Life: xen_front_create() makes rings in pages of a struct xen_shm; the back end under test maps
 * FRONT_GREF_TX and FRONT_GREF_RX.  Slot i of a ring has a page of its own, whose id is i.
 * Hostile tests write slots and indices themselves, by .tx.shared and xen_front_tx_put().
 * Thread: one; it may be another than the back end's. */
#pragma once

#include "tests/lib/xen_shm.h"

#define FRONT_GREF_TX 1u
#define FRONT_GREF_RX 2u
#define FRONT_GREF_CTRL 3u
#define FRONT_GREF_TABLE 4u /* for tables that the control ring speaks of */
#define FRONT_GREF_TX_PAGE 16u
#define FRONT_GREF_RX_PAGE (16u + 256u)
#define FRONT_GREF_NONE (XEN_SHM_PAGES - 1) /* never granted */
#define FRONT_RING 256u
#define FRONT_PORT_TX 0u
#define FRONT_PORT_RX 1u
#define FRONT_PORT_CTRL 2u
#define FRONT_QUEUE_PAGES 1024u /* grants of queue i begin at i times this */
#define FRONT_QUEUE_PORTS 3u
#define FRONT_FRAME_MAX (20u * XEN_PAGE)

/* A ring page as the guest sees it. */
struct front_sring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event, others[12];
	uint32_t slots[(XEN_PAGE - 64) / 4];
};

struct front_ring {
	struct front_sring *shared;
	uint32_t slot_words;
	uint32_t size;
	uint32_t req_prod; /* not yet published */
	uint32_t rsp_cons;
};

struct front_stats {
	uint64_t okay, error, null; /* tx responses by status */
	uint64_t wrong_id; /* responses whose id is not the request's */
};

struct xen_front {
	struct xen_shm *shm;
	uint32_t first_gref, first_port;
	struct front_ring tx, rx, ctrl;
	struct front_stats stats;
	bool is_extra[FRONT_RING]; /* tx slots that hold an extra info */
	int16_t tx_status[FRONT_RING]; /* of the last response in each slot */
};

struct xen_front *xen_front_create(struct xen_shm *shm);
/* One queue of a front end with two. */
struct xen_front *xen_front_create_queue(struct xen_shm *shm, unsigned queue);
void xen_front_destroy(struct xen_front *f);

/* How to send a packet; all zero: in slots of whole pages, no offload. */
struct front_send {
	const uint16_t *sizes; /* bytes in each slot; NULL: full pages */
	uint32_t n_slots; /* of sizes */
	const struct xen_extra *extras;
	uint32_t n_extras;
	uint16_t flags; /* of the first slot */
	uint16_t offset; /* in each page */
};

/* Put a packet on the tx ring, not yet published; false: no room. */
bool xen_front_send(
	struct xen_front *f, const void *bytes, uint32_t len, const struct front_send *how);
/* Put one slot there as it is. */
void xen_front_tx_put(struct xen_front *f, const void *slot, bool is_extra);
/* Publish; true: the other side wants a notification, which is given. */
bool xen_front_tx_push(struct xen_front *f);
/* Take responses; how many. */
uint32_t xen_front_tx_reap(struct xen_front *f);

/* Give the back end @n more empty pages (as many as there is room for); how many. */
uint32_t xen_front_rx_fill(struct xen_front *f, uint32_t n);

struct front_frame {
	uint32_t len;
	uint32_t n_slots; /* with data */
	uint32_t n_extras;
	uint16_t flags; /* of the first slot */
	int16_t status; /* 0, or the first error in a slot */
	struct xen_extra extras[XEN_EXTRAS_MAX];
	uint8_t bytes[FRONT_FRAME_MAX];
};
/* Take a frame off the rx ring. */
bool xen_front_rx_take(struct xen_front *f, struct front_frame *frame);

/* One request on the control ring, published. */
void xen_front_ctrl_ask(struct xen_front *f, const struct xen_ctrl_request *req);
bool xen_front_ctrl_take(struct xen_front *f, struct xen_ctrl_response *rsp);
