/* SPDX-License-Identifier: Apache-2.0 */
/* ct_filter.c - words about connections, and which connections they mean.
 *
 * From: rpc_route.c.
 * Theory: as conntrack(8) filters, but any end of a connection counts, since who looks for an
 * address does not know yet on which side of the translation it stands.
 * Thread: any; no state. */
#include "config/ct_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
	uint8_t number;
	const char *name;
} protos[] = {
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmpv6" },
	{ IPPROTO_GRE, "gre" },
	{ IPPROTO_SCTP, "sctp" },
	{ IPPROTO_ESP, "esp" },
};

static const char *const states[] = { "unknown", "new", "replied", "syn_sent", "syn_recv",
	"established", "fin_wait", "last_ack", "time_wait", "closed" };
static_assert(ARRAY_LEN(states) == CT_STATE_N, "one name each");

const char *ct_filter_proto_name(uint8_t proto)
{
	for (unsigned i = 0; i < ARRAY_LEN(protos); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return NULL;
}

const char *ct_filter_state_name(uint8_t state)
{
	return states[state < ARRAY_LEN(states) ? state : 0];
}

const char *ct_filter_nat(const struct msg_ct_entry *c)
{
	bool has_snat = (c->flags & CT_SNAT) != 0, has_dnat = (c->flags & CT_DNAT) != 0;

	if (has_snat)
		return has_dnat ? "both" : "source";
	return has_dnat ? "destination" : "none";
}

static int read_proto(const json_t *json, struct ct_filter *out, struct err *e)
{
	const char *text = json_string_value(json);

	out->has_proto = json != NULL;
	if (json_is_integer(json) && json_integer_value(json) >= 0
		&& json_integer_value(json) <= UINT8_MAX) {
		out->proto = (uint8_t)json_integer_value(json);
		return 0;
	}
	for (unsigned i = 0; text != NULL && i < ARRAY_LEN(protos); i++)
		if (strcmp(protos[i].name, text) == 0) {
			out->proto = protos[i].number;
			return 0;
		}
	if (json == NULL)
		return 0;
	return err_set(e, -EINVAL, "proto",
		"proto is one of tcp, udp, icmp, icmpv6, gre, sctp, esp, or the number of another");
}

static int read_address(const json_t *json, struct ct_filter *out, struct err *e)
{
	const char *text = json_string_value(json);

	out->has_net = json != NULL;
	if (json == NULL || (text != NULL && ipnet_parse(text, &out->net) == 0))
		return 0;
	if (text == NULL || ip_parse(text, &out->net.addr) != 0)
		return err_set(e, -EINVAL, "address",
			"address is an IP address or a subnet, such as 192.168.77.10 or "
			"198.51.100.0/24");
	out->net.len = ip_is_v4(&out->net.addr) ? 32 : 128;
	return 0;
}

static int read_state(const json_t *json, struct ct_filter *out, struct err *e)
{
	const char *text = json_string_value(json);

	if (json == NULL)
		return 0;
	for (uint8_t i = 1; text != NULL && i < ARRAY_LEN(states); i++)
		if (strcmp(states[i], text) == 0) {
			out->state = i;
			return 0;
		}
	return err_set(e, -EINVAL, "state",
		"state is one of new, replied, syn_sent, syn_recv, established, fin_wait, "
		"last_ack, time_wait, closed");
}

int ct_filter_parse(const json_t *params, struct ct_filter *out, struct err *e)
{
	static const char *const nats[] = { "none", "source", "destination", "both" };
	const json_t *port = json_object_get(params, "port"), *nat = json_object_get(params, "nat");
	int rc;

	*out = (struct ct_filter){ .has_port = port != NULL };
	if (port != NULL
		&& (!json_is_integer(port) || json_integer_value(port) < 1
			|| json_integer_value(port) > UINT16_MAX))
		return err_set(e, -EINVAL, "port", "port is a number from 1 to 65535");
	out->port = (uint16_t)json_integer_value(port);
	for (unsigned i = 0; json_is_string(nat) && i < ARRAY_LEN(nats); i++)
		if (strcmp(nats[i], json_string_value(nat)) == 0)
			out->nat = nats[i];
	if (nat != NULL && out->nat == NULL)
		return err_set(e, -EINVAL, "nat", "nat is one of none, source, destination, both");
	rc = read_proto(json_object_get(params, "proto"), out, e);
	if (rc == 0)
		rc = read_address(json_object_get(params, "address"), out, e);
	return rc == 0 ? read_state(json_object_get(params, "state"), out, e) : rc;
}

static bool has_address(const struct ipnet *net, const struct ct_tuple *t)
{
	struct ipaddr src, dst;

	memcpy(src.b, t->src, sizeof(src.b));
	memcpy(dst.b, t->dst, sizeof(dst.b));
	return ip_is_v4(&src) == ip_is_v4(&net->addr)
		&& (ipnet_contains(net, &src) || ipnet_contains(net, &dst));
}

static bool has_port(uint16_t port, const struct ct_tuple *t)
{
	return ntohs(t->sport) == port || ntohs(t->dport) == port;
}

bool ct_filter_takes(const struct ct_filter *f, const struct msg_ct_entry *c)
{
	if (f->has_proto && c->orig.proto != f->proto)
		return false;
	if (f->state != 0 && c->state != f->state)
		return false;
	if (f->has_net && !has_address(&f->net, &c->orig) && !has_address(&f->net, &c->reply))
		return false;
	if (f->has_port && !has_port(f->port, &c->orig) && !has_port(f->port, &c->reply))
		return false;
	return f->nat == NULL || strcmp(f->nat, ct_filter_nat(c)) == 0;
}
