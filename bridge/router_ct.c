/* SPDX-License-Identifier: Apache-2.0 */
/* router_ct.c - which connection a packet of the router belongs to, or begins.
 *
 * From: bridge/router.c.  To: bridge/ct.c, bridge/nat.c.
 * Theory: only plans.  What is found or planned stands in struct walk; the table changes when
 * everything else is decided, in router.c.
 * Thread: worker. */
#include "bridge/nat.h"
#include "bridge/router_check.h"
#include "bridge/router_local.h"
#include "bridge/router_walk.h"

#include <endian.h>
#include <string.h>

static void key_make(const struct router *r, const struct pkt *p, struct keyed *k)
{
	bool is_frag = (p->flags & PKT_IS_FRAG) != 0;

	if ((p->ip_proto == PROTO_TCP || p->ip_proto == PROTO_UDP || p->ip_proto == PROTO_ICMP
		    || p->ip_proto == PROTO_ICMP6)
		&& (p->flags & PKT_HAS_L4) == 0)
		return;
	/* an error in fragments cannot be checked */
	if (is_frag ? nat_is_icmp_error(p) : p->ip_proto == PROTO_UDP && !router_check_udp_len(p))
		return;
	k->has_tuple
		= nat_is_icmp_error(p) ? nat_error_tuple(p, &k->tuple) : ct_tuple_of(p, &k->tuple);
	if (!k->has_tuple)
		return;
	k->key = ct_key_of(r->ct, &k->tuple);
	ct_prefetch(r->ct, &k->key);
}

void router_ct_key_whole(struct router *r, const struct snapshot *cfg, const struct pkt *p)
{
	r->whole = (struct keyed){ .is_whole = true };
	if (r->ct != NULL && cfg->router[p->network_id].has_ct)
		key_make(r, p, &r->whole);
}

void router_ct_key(struct router *r, const struct snapshot *cfg, const struct pkt *p, unsigned i)
{
	struct keyed *k = &r->keyed[i];

	k->has_tuple = false;
	k->is_whole = false;
	if (p->drop != DROP_NONE || (p->flags & PKT_TO_ROUTER) == 0 || r->ct == NULL
		|| !cfg->router[p->network_id].has_ct || (p->flags & PKT_IS_FRAG) != 0)
		return;
	key_make(r, p, k);
}

void router_ct_load_addrs(struct walk *w)
{
	const uint8_t *ip = pkt_bytes(w->p) + w->p->l3_off;

	if (w->p->flags & PKT_IS_IP6) {
		memcpy(w->src, ip + 8, 16);
		memcpy(w->dst, ip + 24, 16);
		return;
	}
	memset(w->src, 0, 10);
	memset(w->src + 10, 0xff, 2);
	memcpy(w->dst, w->src, 12);
	memcpy(w->src + 12, ip + 12, 4);
	memcpy(w->dst + 12, ip + 16, 4);
}

bool router_ct_is_nat(const struct snapshot *cfg, const struct walk *w, uint16_t network_id)
{
	uint8_t flag = w->p->flags & PKT_IS_IP6 ? SNAP_ROUTER_NAT6 : SNAP_ROUTER_NAT4;

	return (cfg->router[network_id].conf.flags & flag) != 0;
}

uint16_t router_ct_local_uplink(const struct snapshot *cfg, const struct walk *w)
{
	const struct snap_router *conf = &cfg->router[w->in].conf;
	uint16_t up = conf->policy == SNAP_POLICY_UPLINK ? w->in : conf->uplink_id;

	return up != NETWORK_ID_NONE && snapshot_is_own(cfg, up, w->dst) ? up : NETWORK_ID_NONE;
}

static bool is_tenant(const struct snapshot *cfg, uint16_t network_id)
{
	return cfg->network[network_id].conf.profile == PROFILE_TENANT;
}

/* Have @w begin a connection; false: it cannot. */
static bool begin(const struct snapshot *cfg, const struct router *r, struct walk *w, uint8_t flags)
{
	w->new = (struct ct_new){
		.orig = r->keyed[w->at].tuple,
		.vif_id = w->p->in_vif,
		.flags = flags,
		.is_tenant = is_tenant(cfg, w->in),
		.state = ct_first_state(w->p, is_tenant(cfg, w->in)),
	};
	w->is_new = true;
	return w->new.state != 0;
}

/* RFC 4787 §5, endpoint-independent filtering: what comes for a port that a guest has been given
 * begins a connection with that guest. */
static enum drop_reason lead_to_holder(
	const struct router *r, const struct snapshot *cfg, struct walk *w, uint16_t up)
{
	struct ct_tuple arrived = r->keyed[w->at].tuple, to;
	uint8_t flags = up == w->in ? CT_DNAT | CT_MAPPED : CT_DNAT | CT_MAPPED | CT_SNAT;

	if (arrived.proto != PROTO_TCP && arrived.proto != PROTO_UDP)
		return DROP_NONE;
	arrived.network_id = up;
	if (!ct_ports_holder(r->ct->ports, &arrived, &to) || to.network_id >= NETWORK_ID_MAX
		|| (cfg->router[to.network_id].conf.flags & SNAP_ROUTER_OPEN_PORTS) == 0
		|| cfg->router[to.network_id].conf.uplink_id != up
		|| ct_first_state(w->p, true) == 0 || !begin(cfg, r, w, flags))
		return DROP_NONE;
	w->new.reply = ct_mirror(&w->new.orig, to.network_id);
	memcpy(w->new.reply.src, to.src, 16);
	w->new.reply.sport = to.sport;
	if (up != w->in) { /* as with a forward */
		memcpy(w->new.reply.dst, w->dst, 16);
		w->must_pick = true;
	}
	memcpy(w->dst, to.src, 16);
	w->out = to.network_id;
	return DROP_NONE;
}

enum drop_reason router_ct_in(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct keyed *k = &r->keyed[w->at];
	const struct snapshot *cfg = io->cfg;
	const struct snap_forward *f;
	uint16_t up;

	if (!k->has_tuple)
		return DROP_NONE;
	w->is_error = nat_is_icmp_error(w->p);
	w->conn = ct_find(r->ct, &k->tuple, &k->key, io->now_ns);
	if (w->conn != IXTAB_NONE) {
		const struct ct_record *other = ct_record(r->ct, ct_partner(r->ct, w->conn));

		if (w->is_error && !nat_icmp_csum_fits(w->p))
			return DROP_ICMP_CSUM;
		if (w->is_error && !nat_error_fits(w->p, other))
			return DROP_CT_INVALID;
		memcpy(w->dst, other->tuple.src, 16);
		w->out = other->tuple.network_id % NETWORK_ID_MAX;
		return DROP_NONE;
	}
	up = router_ct_local_uplink(cfg, w);
	if (up == NETWORK_ID_NONE || w->is_error)
		return DROP_NONE;
	f = snapshot_forward(cfg, up, k->tuple.proto, k->tuple.dport, w->dst);
	if (f == NULL)
		return cfg->router[up].has_open_ports ? lead_to_holder(r, cfg, w, up) : DROP_NONE;
	if (!begin(cfg, r, w, up == w->in ? CT_DNAT : CT_DNAT | CT_SNAT))
		return DROP_CT_INVALID;
	w->new.reply = ct_mirror(&w->new.orig, f->to_network);
	memcpy(w->new.reply.src, f->to_addr, 16);
	w->new.reply.sport = snapshot_forward_port(f, k->tuple.dport);
	if (up != w->in) { /* hairpin: the answer has to come back to us */
		memcpy(w->new.reply.dst, w->dst, 16);
		w->must_pick = true;
	}
	memcpy(w->dst, f->to_addr, 16);
	w->out = f->to_network;
	return DROP_NONE;
}

bool router_ct_pool(
	const struct router *r, const struct snapshot *cfg, struct walk *w, unsigned attempt)
{
	/* keyed, and the same behind a restart: a guest keeps its address (RFC 4787 REQ-2) */
	uint64_t hash = cfg->n_pools == 0 ? 0 : siphash13(&r->ct->tab.key, w->new.orig.src, 16);

	return cfg->n_pools != 0 && (w->new.flags &CT_DNAT) == 0
		&& snapshot_pool_addr(
			cfg, w->in, !w->new.orig.is_v6, hash, attempt, w->new.reply.dst);
}

/* Have @w leave with the address outside that is its guest's alone; false: it has none. */
static bool take_map(const struct snapshot *cfg, struct walk *w)
{
	const struct snap_forward *f = snapshot_map_of(cfg, w->in, w->src);

	if (f == NULL || f->uplink_id != w->out)
		return false;
	memcpy(w->new.reply.dst, f->listen, 16);
	w->new.flags |= CT_WHOLE;
	return true;
}

enum drop_reason router_ct_out(struct router *r, const struct router_io *io, struct walk *w)
{
	const struct snapshot *cfg = io->cfg;
	const uint8_t *own;

	if (w->conn != IXTAB_NONE || w->is_new || w->in == w->out
		|| !router_ct_is_nat(cfg, w, w->in))
		return DROP_NONE;
#ifdef SAKLAR_PLANTED_BUG
	/* Proves that tests/fuzz/router_fuzz.c looks: privileged ports are not translated. */
	if (r->keyed[w->at].has_tuple && be16toh(r->keyed[w->at].tuple.sport) < NAT_PORT_MIN)
		return DROP_NONE;
#endif
	if (r->ct == NULL)
		return DROP_CT_TABLE_FULL;
	own = snapshot_own_addr(cfg, w->out, (w->p->flags & PKT_IS_IP4) != 0);
	if (!r->keyed[w->at].has_tuple || w->is_error || !begin(cfg, r, w, CT_SNAT))
		return DROP_CT_INVALID;
	/* an echo reply that nobody asked for begins nothing */
	if ((w->p->ip_proto == PROTO_ICMP || w->p->ip_proto == PROTO_ICMP6)
		&& !router_local_is_echo(w->p))
		return DROP_CT_INVALID;
	if (own == NULL)
		return DROP_NAT_NO_PORT;
	w->new.reply = ct_mirror(&w->new.orig, w->out);
	if (UNLIKELY(cfg->router[w->in].has_maps) && take_map(cfg, w))
		return DROP_NONE;
	if (!router_ct_pool(r, cfg, w, 0))
		memcpy(w->new.reply.dst, own, 16);
	w->must_pick = true;
	return DROP_NONE;
}
