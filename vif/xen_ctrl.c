/* SPDX-License-Identifier: Apache-2.0 */
/* xen_ctrl.c - a guest's control ring.
 *
 * From: the worker, when the ring's event was notified.  To: xen_hash.h's settings.
 * Theory: io/netif.h, control requests 1 to 7.  Each request is copied, judged and answered; keys and tables come
 * by grant copy into memory of ours and are checked there.  Lengths and offsets are compared by
 * subtraction, so that no sum can wrap (XSA-270).  Mapping of grants (8 to 10) is not supported.
 * Invariants: whatever is refused changes nothing; at most one ring of requests a run.
 * Thread: worker. */
#include "vif/xen_ctrl.h"

#include <string.h>

#define RSP_WORDS 3

static void store(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

int xen_ctrl_open(struct xen_ctrl *c, struct xen_dom *dom, void *page, struct xen_hash *hash)
{
	*c = (struct xen_ctrl){ .dom = dom, .event = { .fd = -1 }, .hash = hash };
	return xen_ring_attach(&c->ring, page, XEN_RING_CTRL);
}

/* The first @len bytes of the page @gref; false: not to be had. */
static bool table_fetch(
	struct xen_ctrl *c, struct xen_copies *copies, uint32_t gref, void *to, uint32_t len)
{
	if (len == 0)
		return true;
	copies->n = 1;
	copies->copy[0] = (struct xen_copy){ .local = to, .gref = gref, .len = (uint16_t)len };
	xen_copies_do(c->dom, copies);
	return copies->copy[0].status == 0;
}

static uint32_t key_set(
	struct xen_ctrl *c, struct xen_copies *copies, const struct xen_ctrl_request *req)
{
	uint8_t key[XEN_HASH_KEY_MAX] = { 0 };

	if (req->arg[1] > XEN_HASH_KEY_MAX)
		return XEN_CTRL_BUFFER_OVERFLOW;
	if (!table_fetch(c, copies, req->arg[0], key, req->arg[1]))
		return XEN_CTRL_INVALID_PARAMETER;
	xen_hash_set_key(c->hash, key, req->arg[1]);
	return XEN_CTRL_SUCCESS;
}

static uint32_t mapping_size_set(struct xen_ctrl *c, uint32_t size)
{
	if (size > XEN_HASH_MAPPING_MAX)
		return XEN_CTRL_INVALID_PARAMETER;
	for (unsigned i = 0; i < XEN_HASH_MAPPING_MAX; i++)
		store(&c->hash->mapping[i], 0);
	store(&c->hash->mapping_size, size);
	return XEN_CTRL_SUCCESS;
}

static uint32_t mapping_set(
	struct xen_ctrl *c, struct xen_copies *copies, const struct xen_ctrl_request *req)
{
	uint32_t len = req->arg[1], off = req->arg[2], size = c->hash->mapping_size;
	uint32_t table[XEN_HASH_MAPPING_MAX] = { 0 };

	if (off > size || len > size - off)
		return XEN_CTRL_BUFFER_OVERFLOW;
	if (!table_fetch(c, copies, req->arg[0], table, len * (uint32_t)sizeof(table[0])))
		return XEN_CTRL_INVALID_PARAMETER;
	for (uint32_t i = 0; i < len; i++)
		if (table[i] >= c->n_queues)
			return XEN_CTRL_INVALID_PARAMETER;
	for (uint32_t i = 0; i < len; i++)
		store(&c->hash->mapping[off + i], table[i]);
	return XEN_CTRL_SUCCESS;
}

static uint32_t algorithm_set(struct xen_ctrl *c, uint32_t algorithm)
{
	if (algorithm != XEN_HASH_ALGORITHM_NONE && algorithm != XEN_HASH_ALGORITHM_TOEPLITZ)
		return XEN_CTRL_INVALID_PARAMETER;
	store(&c->hash->algorithm, algorithm);
	return XEN_CTRL_SUCCESS;
}

/* "A valid hash algorithm must be selected before this operation can succeed." */
static uint32_t types_set(struct xen_ctrl *c, uint32_t types)
{
	if (c->hash->algorithm == XEN_HASH_ALGORITHM_NONE)
		return XEN_CTRL_NOT_SUPPORTED;
	if ((types & ~XEN_HASH_TYPES_ALL) != 0)
		return XEN_CTRL_INVALID_PARAMETER;
	store(&c->hash->types, types);
	return XEN_CTRL_SUCCESS;
}

static struct xen_ctrl_response answer(
	struct xen_ctrl *c, struct xen_copies *copies, const struct xen_ctrl_request *req)
{
	struct xen_ctrl_response rsp = { .id = req->id, .type = req->type };

	switch (req->type) {
	case XEN_CTRL_SET_HASH_ALGORITHM: rsp.status = algorithm_set(c, req->arg[0]); break;
	case XEN_CTRL_GET_HASH_FLAGS:
		rsp.status = types_set(c, c->hash->types);
		rsp.value = rsp.status == XEN_CTRL_SUCCESS ? XEN_HASH_TYPES_ALL : 0;
		break;
	case XEN_CTRL_SET_HASH_FLAGS: rsp.status = types_set(c, req->arg[0]); break;
	case XEN_CTRL_SET_HASH_KEY: rsp.status = key_set(c, copies, req); break;
	case XEN_CTRL_GET_HASH_MAPPING_SIZE: rsp.value = XEN_HASH_MAPPING_MAX; break;
	case XEN_CTRL_SET_HASH_MAPPING_SIZE: rsp.status = mapping_size_set(c, req->arg[0]); break;
	case XEN_CTRL_SET_HASH_MAPPING: rsp.status = mapping_set(c, copies, req); break;
	default: rsp.status = XEN_CTRL_NOT_SUPPORTED;
	}
	c->n_refused += rsp.status != XEN_CTRL_SUCCESS;
	return rsp;
}

void xen_ctrl_run(struct xen_ctrl *c, struct xen_copies *copies)
{
	uint32_t n;

	if (c->failure != NULL)
		return;
	if (xen_ring_pending(&c->ring, &n) < 0) {
		c->failure = "more control requests than the ring has slots";
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct xen_ctrl_response rsp;
		struct xen_ctrl_request req;

		xen_ring_copy(&c->ring, 0, 1, &req);
		rsp = answer(c, copies, &req);
		xen_ring_respond(&c->ring, &rsp, RSP_WORDS);
	}
	if (xen_ring_push(&c->ring))
		c->dom->ops->notify(c->dom, &c->event);
}

bool xen_ctrl_arm(struct xen_ctrl *c)
{
	if (c->failure != NULL)
		return true; /* and never unmasked again */
	if (!xen_ring_arm(&c->ring))
		return false;
	c->dom->ops->unmask(c->dom, &c->event);
	return true;
}
