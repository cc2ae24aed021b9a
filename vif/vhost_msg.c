/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_msg.c - one table of requests, one reader for each layout of a payload.
 *
 * From: vhost_session.c.  To: vswitch/base/wire.h.
 * Theory: a message is copied out of the socket once and read once, field by field.  The number of fds
 * is part of what is checked: each request has a least and a most, and where the payload says how many
 * there are (regions, "no fd") the two must agree, so that no fd is ever without an owner.
 * Numbers keep the width that they have on the wire until they are compared.
 * Invariants: nothing of @out is to be used after a refusal.  Thread: any. */
#include "vif/vhost_msg.h"

#include "vswitch/base/wire.h"

#include <errno.h>
#include <string.h>

#define RING_FD_INDEX UINT64_C(0xff)
#define RING_FD_NONE (UINT64_C(1) << 8)

enum payload {
	PAYLOAD_NONE,
	PAYLOAD_U64,
	PAYLOAD_STATE,
	PAYLOAD_ADDR,
	PAYLOAD_RING_FD,
	PAYLOAD_TABLE,
	PAYLOAD_REGION,
	PAYLOAD_LOG,
};

static const struct request {
	uint32_t number;
	enum payload payload;
	unsigned fd_min, fd_max;
	const char *name;
} requests[] = {
#define X(name, number, payload, fd_min, fd_max) \
	{ number, PAYLOAD_##payload, fd_min, fd_max, #name },
	VHOST_REQUESTS(X)
#undef X
};

static const struct request *request_find(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (requests[i].number == number)
			return &requests[i];
	return NULL;
}

const char *vhost_msg_name(uint32_t request)
{
	const struct request *r = request_find(request);

	return r ? r->name : "?";
}

bool vhost_msg_has_answer(uint32_t request)
{
	switch (request) {
	case VHOST_REQ_GET_FEATURES:
	case VHOST_REQ_GET_PROTOCOL_FEATURES:
	case VHOST_REQ_GET_QUEUE_NUM:
	case VHOST_REQ_GET_VRING_BASE:
	case VHOST_REQ_GET_MAX_MEM_SLOTS: return true;
	default: return false;
	}
}

bool vhost_msg_spares_fds(uint32_t request)
{
	return request == VHOST_REQ_REM_MEM_REG;
}

bool vhost_msg_wants_fds(const void *bytes, size_t len)
{
	struct wire_reader r = wire_reader_of(bytes, len);
	struct vhost_msg_hdr hdr;
	const struct request *req;
	uint64_t value = 0;

	wire_get(&r, &hdr, sizeof(hdr));
	req = request_find(hdr.request);
	if (!req || req->fd_max == 0 || vhost_msg_spares_fds(hdr.request))
		return false;
	wire_get(&r, &value, sizeof(value));
	return req->payload != PAYLOAD_RING_FD || !(value & RING_FD_NONE);
}

int vhost_msg_len(const struct vhost_msg_hdr *hdr, struct err *e)
{
	if ((hdr->flags & VHOST_MSG_VERSION_MASK) != VHOST_MSG_VERSION)
		return err_set(e, -EPROTO, "", "not a vhost-user message of version 1");
	if (hdr->flags & VHOST_MSG_REPLY)
		return err_set(e, -EPROTO, "", "a reply to something that was not asked");
	if (!request_find(hdr->request))
		return err_set(e, -EPROTO, "", "request %u, which was not offered", hdr->request);
	if (hdr->size > VHOST_PAYLOAD_MAX)
		return err_set(
			e, -EPROTO, "", "%s of %u bytes", vhost_msg_name(hdr->request), hdr->size);
	return (int)(sizeof(*hdr) + hdr->size);
}

static uint32_t get_u32(struct wire_reader *r)
{
	uint32_t value = 0;

	wire_get(r, &value, sizeof(value));
	return value;
}

static uint64_t get_u64(struct wire_reader *r)
{
	uint64_t value = 0;

	wire_get(r, &value, sizeof(value));
	return value;
}

static int set_ring(uint64_t index, struct vhost_msg *out, struct err *e)
{
	if (index >= VHOST_RINGS_MAX)
		return err_set(e, -EPROTO, "", "ring %llu; there are %u at most",
			(unsigned long long)index, VHOST_RINGS_MAX);
	out->ring = (uint16_t)index;
	return 0;
}

static int get_state(struct wire_reader *r, struct vhost_msg *out, struct err *e)
{
	uint32_t index = get_u32(r);

	out->value = get_u32(r);
	return set_ring(index, out, e);
}

static int get_addr(struct wire_reader *r, struct vhost_msg *out, struct err *e)
{
	uint32_t index = get_u32(r);

	out->addr.flags = get_u32(r);
	out->addr.desc_user = get_u64(r);
	out->addr.used_user = get_u64(r);
	out->addr.avail_user = get_u64(r);
	out->addr.log_gpa = get_u64(r);
	return set_ring(index, out, e);
}

static int get_ring_fd(struct wire_reader *r, unsigned n_fds, struct vhost_msg *out, struct err *e)
{
	uint64_t value = get_u64(r);

	out->has_fd = !(value & RING_FD_NONE);
	if (n_fds != (out->has_fd ? 1 : 0))
		return err_set(e, -EPROTO, "", "%u fds where %s was announced", n_fds,
			out->has_fd ? "one" : "none");
	return set_ring(value & RING_FD_INDEX, out, e);
}

static void get_region(struct wire_reader *r, struct guest_region_spec *out)
{
	out->gpa = get_u64(r);
	out->size = get_u64(r);
	out->user_addr = get_u64(r);
	out->file_offset = get_u64(r);
}

static int get_table(struct wire_reader *r, unsigned n_fds, struct vhost_msg *out, struct err *e)
{
	uint32_t n = get_u32(r);

	(void)get_u32(r); /* padding */
	if (n == 0 || n > VHOST_TABLE_REGIONS_MAX)
		return err_set(e, -EPROTO, "", "a memory table of %u regions; 1..%u are possible",
			n, VHOST_TABLE_REGIONS_MAX);
	if (n_fds != n)
		return err_set(e, -EPROTO, "", "%u fds for %u regions", n_fds, n);
	out->n_regions = n;
	for (uint32_t i = 0; i < n; i++)
		get_region(r, &out->region[i]);
	return 0;
}

static int get_payload(enum payload layout, struct wire_reader *r, unsigned n_fds,
	struct vhost_msg *out, struct err *e)
{
	switch (layout) {
	case PAYLOAD_NONE: return 0;
	case PAYLOAD_U64: out->u64 = get_u64(r); return 0;
	case PAYLOAD_STATE: return get_state(r, out, e);
	case PAYLOAD_ADDR: return get_addr(r, out, e);
	case PAYLOAD_RING_FD: return get_ring_fd(r, n_fds, out, e);
	case PAYLOAD_TABLE: return get_table(r, n_fds, out, e);
	case PAYLOAD_REGION:
		(void)get_u64(r); /* padding */
		get_region(r, &out->region[0]);
		out->n_regions = 1;
		return 0;
	case PAYLOAD_LOG:
		out->log_size = get_u64(r);
		out->log_offset = get_u64(r);
		return 0;
	}
	return err_set(e, -EPROTO, "", "unknown layout");
}

/* How long a payload may be beyond what is read: front ends send a union's size here and there. */
static bool may_be_longer(enum payload layout)
{
	return layout == PAYLOAD_TABLE || layout == PAYLOAD_NONE;
}

int vhost_msg_decode(
	const void *bytes, size_t len, unsigned n_fds, struct vhost_msg *out, struct err *e)
{
	struct wire_reader r = wire_reader_of(bytes, len);
	const struct request *req;
	struct vhost_msg_hdr hdr;
	int rc;

	memset(out, 0, sizeof(*out));
	wire_get(&r, &hdr, sizeof(hdr));
	if (r.failed)
		return err_set(e, -EPROTO, "", "less than a header");
	rc = vhost_msg_len(&hdr, e);
	if (rc < 0)
		return rc;
	req = request_find(hdr.request);
	if (!req || (size_t)rc != len)
		return err_set(e, -EPROTO, "", "%s is not as long as it says",
			vhost_msg_name(hdr.request));
#ifndef SAKLAR_PLANTED_BUG /* with it: a message may bring more fds than it has places for */
	if (n_fds < req->fd_min || n_fds > req->fd_max)
		return err_set(e, -EPROTO, "", "%s with %u fds", req->name, n_fds);
#endif
	out->request = hdr.request;
	out->needs_reply = (hdr.flags & VHOST_MSG_NEED_REPLY) != 0;
	rc = get_payload(req->payload, &r, n_fds, out, e);
	err_prefix(e, "%s", req->name);
	if (rc < 0)
		return rc;
	if (r.failed || (wire_left(&r) > 0 && !may_be_longer(req->payload)))
		return err_set(e, -EPROTO, "", "%s of %u bytes", req->name, hdr.size);
	return 0;
}

static void reply_header(uint32_t request, uint32_t size, struct wire_writer *w)
{
	struct vhost_msg_hdr hdr = {
		.request = request,
		.flags = VHOST_MSG_VERSION | VHOST_MSG_REPLY,
		.size = size,
	};

	wire_put(w, &hdr, sizeof(hdr));
}

void vhost_reply_u64(uint32_t request, uint64_t value, struct vhost_reply *out)
{
	struct wire_writer w = wire_writer_of(out->bytes, sizeof(out->bytes));

	reply_header(request, sizeof(value), &w);
	wire_put(&w, &value, sizeof(value));
	out->len = wire_written(&w);
}

void vhost_reply_state(uint32_t request, uint16_t ring, uint32_t value, struct vhost_reply *out)
{
	struct wire_writer w = wire_writer_of(out->bytes, sizeof(out->bytes));
	const uint32_t state[2] = { ring, value };

	reply_header(request, sizeof(state), &w);
	wire_put(&w, state, sizeof(state));
	out->len = wire_written(&w);
}
