/* SPDX-License-Identifier: Apache-2.0 */
/* netback_front.c - what a guest's network driver says about its rings.
 *
 * From: netback.c.  To: xenstore.c.
 * Theory: public/io/netif.h names the keys.  All of them are hostile text: numbers are decimal, within
 * the range of their type, and nothing else; a key that is missing has the meaning the protocol gives it or is
 * a fault; each fault names the key.
 * Invariants: what is filled in is within the bounds of its types whatever the guest wrote.
 * Thread: the daemon's only one. */
#include "config/netback_front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN 256

int netback_number(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*c - '0');
		if (value > max)
			return -EINVAL;
	}
	*out = (uint32_t)value;
	return 0;
}

int netback_key(
	struct xenstore *x, const char *path, const char *name, char value[XENSTORE_VALUE_MAX])
{
	char full[PATH_LEN];
	int n = snprintf(full, sizeof(full), "%s/%s", path, name);

	value[0] = '\0';
	if (n < 0 || (size_t)n >= sizeof(full))
		return -EINVAL;
	return xenstore_read(x, 0, full, value, XENSTORE_VALUE_MAX);
}

struct reader {
	struct xenstore *x;
	const char *path;
	struct err *e;
	int rc; /* the first fault; all later reads do nothing */
};

/* The number at @name; @missing when there is none, and a fault when that is UINT32_MAX. */
static uint32_t number(struct reader *r, const char *name, uint32_t max, uint32_t missing)
{
	char value[XENSTORE_VALUE_MAX];
	uint32_t n = 0;
	int rc;

	if (r->rc < 0)
		return 0;
	rc = netback_key(r->x, r->path, name, value);
	if (rc == -ENOENT && missing != UINT32_MAX)
		return missing;
	if (rc == -ENOTCONN) {
		r->rc = rc;
		return 0;
	}
	if (rc == 0)
		rc = netback_number(value, max, &n);
	if (rc < 0) {
		for (char *c = value; *c != '\0'; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
		r->rc = rc == -ENOENT
			? err_set(r->e, -EINVAL, "", "the guest has not written %s", name)
			: err_set(r->e, -EINVAL, "",
				"the guest wrote %s=%.20s, which is no number up to %u", name,
				value, max);
		return 0;
	}
	return n;
}

static bool is_set(struct reader *r, const char *name)
{
	return number(r, name, 1, 0) == 1;
}

static void queue_read(struct reader *r, struct xen_front_queue *q)
{
	const uint32_t any = UINT32_MAX - 1, must = UINT32_MAX, none = UINT32_MAX - 1;
	uint32_t port = number(r, "event-channel-tx", any - 1, none);

	q->tx_ref = number(r, "tx-ring-ref", any, must);
	q->rx_ref = number(r, "rx-ring-ref", any, must);
	if (port == none) {
		q->tx_port = q->rx_port = number(r, "event-channel", any, must);
		return;
	}
	q->tx_port = port;
	q->rx_port = number(r, "event-channel-rx", any, must);
}

static uint32_t features_read(struct reader *r)
{
	static const struct {
		const char *key;
		uint32_t feature;
		bool is_negative;
	} keys[] = {
		{ "feature-sg", MSG_XEN_SG, false },
		{ "feature-gso-tcpv4", MSG_XEN_GSO_TCP4, false },
		{ "feature-gso-tcpv6", MSG_XEN_GSO_TCP6, false },
		{ "feature-no-csum-offload", MSG_XEN_CSUM_IP4, true },
		{ "feature-ipv6-csum-offload", MSG_XEN_CSUM_IP6, false },
	};
	uint32_t features = 0;

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (is_set(r, keys[i].key) != keys[i].is_negative)
			features |= keys[i].feature;
	return features;
}

static void ctrl_read(struct reader *r, struct xen_front *out)
{
	const uint32_t none = UINT32_MAX - 1;
	uint32_t ref = number(r, "ctrl-ring-ref", none - 1, none);

	if (ref == none)
		return;
	out->features |= MSG_XEN_CTRL;
	out->ctrl_ref = ref;
	out->ctrl_port = number(r, "event-channel-ctrl", none, UINT32_MAX);
}

static void queues_read(struct reader *r, const char *path, unsigned n, struct xen_front *out)
{
	char folder[PATH_LEN];

	out->n_queues = (uint8_t)n;
	if (n == 1) {
		queue_read(r, &out->queue[0]);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		snprintf(folder, sizeof(folder), "%.200s/queue-%u", path, i);
		r->path = folder;
		queue_read(r, &out->queue[i]);
	}
	r->path = path;
}

int netback_front_read(struct xenstore *x, const char *path, unsigned max_queues,
	struct xen_front *out, struct err *e)
{
	struct reader r = { .x = x, .path = path, .e = e };
	uint32_t n = number(&r, "multi-queue-num-queues", UINT32_MAX - 1, 1);

	if (r.rc == 0 && (n == 0 || n > max_queues || n > VIF_QUEUES_MAX))
		return err_set(e, -EINVAL, "", "the guest asks for %u queues; 1 to %u are possible",
			n, MIN(max_queues, (unsigned)VIF_QUEUES_MAX));
	if (r.rc == 0 && !is_set(&r, "request-rx-copy") && r.rc == 0)
		return err_set(e, -EINVAL, "",
			"the guest's driver does not write request-rx-copy=1; it is too old");
	out->features = features_read(&r);
	if (r.rc == 0)
		queues_read(&r, path, n, out);
	ctrl_read(&r, out);
	out->headroom = (uint16_t)number(&r, "xdp-headroom", XEN_HEADROOM_MAX, 0);
	return r.rc;
}
