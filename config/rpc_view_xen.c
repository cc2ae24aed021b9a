/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_view_xen.c - what is known about the guest behind a netfront vif.
 *
 * From: rpc_view.c.  To: reconcile_xen.c.  Thread: the daemon has one. */
#include "config/daemon.h"
#include "config/rpc_methods.h"

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *features_of(const struct xen_front *f)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ MSG_XEN_SG, "sg" },
		{ MSG_XEN_GSO_TCP4, "gso-tcpv4" },
		{ MSG_XEN_GSO_TCP6, "gso-tcpv6" },
		{ MSG_XEN_CSUM_IP4, "ipv4-csum" },
		{ MSG_XEN_CSUM_IP6, "ipv6-csum" },
		{ MSG_XEN_MCAST, "multicast-control" },
		{ MSG_XEN_CTRL, "ctrl-ring" },
	};
	json_t *list = json_array();

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if ((f->features & names[i].bit) != 0)
			json_array_append_new(list, json_string(names[i].name));
	if (f->n_queues > 0 && f->queue[0].tx_port != f->queue[0].rx_port)
		json_array_append_new(list, json_string("split-event-channels"));
	if (f->headroom > 0)
		json_array_append_new(list, json_string("xdp-headroom"));
	return list;
}

static json_t *queue_of(const struct msg_xen_count *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"tx_index", (json_int_t)c->tx_cons, "tx_waiting", (json_int_t)c->tx_waiting,
		"rx_index", (json_int_t)c->rx_cons, "rx_room", (json_int_t)c->rx_waiting,
		"tx_slots", (json_int_t)c->tx_slots, "rx_slots", (json_int_t)c->rx_slots,
		"tx_refused", (json_int_t)c->tx_refused, "rx_no_room", (json_int_t)c->rx_no_room,
		"grant_errors", (json_int_t)c->copy_errors, "notifications_sent",
		(json_int_t)c->notifies, "notifications_received", (json_int_t)c->wakes,
		"stalled_ms", (json_int_t)c->stalled_ms, "last_event_ms",
		c->event_ms != UINT32_MAX ? json_integer((json_int_t)c->event_ms) : json_null());
}

json_t *rpc_view_xen(const struct daemon *d, uint16_t vif_id)
{
	struct xen_view v;
	json_t *json, *queues;

	if (!reconcile_xen_view(d->reconcile, vif_id, &v))
		return json_null();
	queues = json_array();
	for (unsigned i = 0; v.has_counts && i < v.counts.n_queues; i++)
		json_array_append_new(queues, queue_of(&v.counts.queue[i]));
	json = json_pack("{s:i, s:i, s:o, s:o, s:o, s:s, s:s, s:b, s:o, s:o}", "domid",
		(int)v.dev.domid, "devid", (int)v.dev.devid, "domain", text_or_null(v.dev.domain),
		"uuid", text_or_null(v.dev.uuid), "guest_mac", text_or_null(v.dev.mac), "backend",
		xenbus_state_name(v.dev.back), "frontend", xenbus_state_name(v.dev.front_state),
		"connected", v.dev.is_ready, "features",
		v.dev.is_ready ? features_of(&v.dev.front) : json_array(), "queues", queues);
	return json != NULL ? json : json_null();
}
