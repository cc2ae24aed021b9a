/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_route.c - routes in tables of our own and the rules that lead to them; routes behind legs.
 * From: reconcile_uplink.c, reconcile_network.c.  To: netlink_request.c.
 * Theory: a routed subnet is the leg's in the main table, which is where the host itself reaches it.
 * What the host forwards goes by another table to the transit, so that it passes the engine's
 * router; the rule tells the two apart by where a packet came from, and reverse path filters agree.
 * Thread: the daemon's only one. */
#include "config/netlink_request.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define ROUTE_PROTOCOL RTPROT_STATIC

static const uint8_t *kernel_bytes(const struct ipaddr *a, int *len)
{
	bool is_v4 = ip_is_v4(a);

	*len = is_v4 ? 4 : 16;
	return is_v4 ? a->b + 12 : a->b;
}

static int put_address(struct nl_msg *msg, int type, const struct ipaddr *a)
{
	int len;
	const uint8_t *bytes = kernel_bytes(a, &len);

	return nla_put(msg, type, len, bytes) < 0 ? -ENOMEM : 0;
}

struct route_change {
	int type, flags; /* of the message */
	uint32_t table;
	int ifindex;
};

static int change_route(
	const struct route_change *c, const struct ipnet *net, const struct ipaddr *via)
{
	struct rtmsg rtm = {
		.rtm_family = ip_is_v4(&net->addr) ? AF_INET : AF_INET6,
		.rtm_dst_len = net->len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = ROUTE_PROTOCOL,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(c->type, NLM_F_REQUEST | NLM_F_ACK | c->flags);

	if (msg == NULL)
		return -ENOMEM;
	if (nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0
		|| put_address(msg, RTA_DST, &net->addr) < 0
		|| put_address(msg, RTA_GATEWAY, via) < 0
		|| nla_put_u32(msg, RTA_OIF, (uint32_t)c->ifindex) < 0
		|| nla_put_u32(msg, RTA_TABLE, c->table) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_request_run(msg);
}

int netlink_set_route(
	uint32_t table, const struct ipnet *net, const struct ipaddr *via, int ifindex)
{
	const struct route_change change
		= { RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, ifindex };

	return change_route(&change, net, via);
}

int netlink_add_route(const struct static_route *route, int ifindex)
{
	const struct route_change change
		= { RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RT_TABLE_MAIN, ifindex };

	return change_route(&change, &route->net, &route->via);
}

int netlink_delete_route(const struct static_route *route, int ifindex)
{
	const struct route_change change = { RTM_DELROUTE, 0, RT_TABLE_MAIN, ifindex };

	return change_route(&change, &route->net, &route->via);
}

struct route_search {
	int ifindex;
	struct static_route *out;
	unsigned n, max;
};

static uint32_t attr_u32(struct nlattr *attr)
{
	return attr != NULL && nla_len(attr) >= (int)sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}

static int match_route(struct nl_msg *msg, void *arg)
{
	struct route_search *s = arg;
	struct nlattr *attr[RTA_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct static_route route;

	if (nlmsg_parse(hdr, sizeof(struct rtmsg), attr, RTA_MAX, NULL) < 0 || attr[RTA_DST] == NULL
		|| attr[RTA_GATEWAY] == NULL)
		return NL_OK;
	const struct rtmsg *rtm = nlmsg_data(hdr);

	if (rtm->rtm_protocol != ROUTE_PROTOCOL || attr_u32(attr[RTA_TABLE]) != RT_TABLE_MAIN
		|| (int)attr_u32(attr[RTA_OIF]) != s->ifindex)
		return NL_OK;
	route.net.len = rtm->rtm_dst_len;
	if (!netlink_to_ipaddr(
		    nla_data(attr[RTA_DST]), (size_t)nla_len(attr[RTA_DST]), &route.net.addr)
		|| !netlink_to_ipaddr(nla_data(attr[RTA_GATEWAY]),
			(size_t)nla_len(attr[RTA_GATEWAY]), &route.via))
		return NL_OK;
	if (s->n < s->max)
		s->out[s->n] = route;
	s->n++;
	return NL_OK;
}

int netlink_routes(int ifindex, struct static_route *out, unsigned max)
{
	struct route_search s = { .ifindex = ifindex, .out = out, .max = max };
	int rc = netlink_request_dump(RTM_GETROUTE, AF_INET, match_route, &s);

	if (rc == 0)
		rc = netlink_request_dump(RTM_GETROUTE, AF_INET6, match_route, &s);
	if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		rc = 0;
	return rc < 0 ? rc : (int)s.n;
}

static int change_rule(int type, int flags, const struct link_rule *rule)
{
	struct fib_rule_hdr hdr = {
		.family = ip_is_v4(&rule->net.addr) ? AF_INET : AF_INET6,
		.dst_len = rule->net.len,
		.table = RT_TABLE_UNSPEC,
		.action = FR_ACT_TO_TBL,
		.flags = FIB_RULE_INVERT,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);

	if (msg == NULL)
		return -ENOMEM;
	if (nlmsg_append(msg, &hdr, sizeof(hdr), NLMSG_ALIGNTO) < 0
		|| put_address(msg, FRA_DST, &rule->net.addr) < 0
		|| nla_put_string(msg, FRA_IIFNAME, "lo") < 0
		|| nla_put_u32(msg, FRA_PRIORITY, rule->priority) < 0
		|| nla_put_u32(msg, FRA_TABLE, rule->table) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_request_run(msg);
}

int netlink_add_rule(const struct link_rule *rule)
{
	return change_rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

int netlink_delete_rule(const struct link_rule *rule)
{
	return change_rule(RTM_DELRULE, 0, rule);
}

struct rule_search {
	uint32_t priority;
	struct link_rule *out;
	unsigned n, max;
};

static int match_rule(struct nl_msg *msg, void *arg)
{
	struct rule_search *s = arg;
	struct nlattr *attr[FRA_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct link_rule rule = { .priority = s->priority };

	if (nlmsg_parse(hdr, sizeof(struct fib_rule_hdr), attr, FRA_MAX, NULL) < 0
		|| attr[FRA_DST] == NULL || attr_u32(attr[FRA_PRIORITY]) != s->priority)
		return NL_OK;
	const struct fib_rule_hdr *frh = nlmsg_data(hdr);

	rule.net.len = frh->dst_len;
	rule.table = attr_u32(attr[FRA_TABLE]);
	if (!netlink_to_ipaddr(
		    nla_data(attr[FRA_DST]), (size_t)nla_len(attr[FRA_DST]), &rule.net.addr))
		return NL_OK;
	if (s->n < s->max)
		s->out[s->n] = rule;
	s->n++;
	return NL_OK;
}

int netlink_rules(uint32_t priority, struct link_rule *out, unsigned max)
{
	struct rule_search s = { .priority = priority, .out = out, .max = max };
	int rc = netlink_request_dump(RTM_GETRULE, AF_INET, match_rule, &s);

	if (rc == 0)
		rc = netlink_request_dump(RTM_GETRULE, AF_INET6, match_rule, &s);
	if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		rc = 0;
	return rc < 0 ? rc : (int)s.n;
}

struct device_search {
	int *ifindexes;
	unsigned n, max;
};

static int match_ra_route(struct nl_msg *msg, void *arg)
{
	struct device_search *s = arg;
	struct nlattr *attr[RTA_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	if (nlmsg_parse(hdr, sizeof(struct rtmsg), attr, RTA_MAX, NULL) < 0)
		return NL_OK;
	const struct rtmsg *rtm = nlmsg_data(hdr);
	int oif = (int)attr_u32(attr[RTA_OIF]);

	if (rtm->rtm_protocol != RTPROT_RA || oif == 0)
		return NL_OK;
	for (unsigned i = 0; i < MIN(s->n, s->max); i++)
		if (s->ifindexes[i] == oif)
			return NL_OK;
	if (s->n < s->max)
		s->ifindexes[s->n] = oif;
	s->n++;
	return NL_OK;
}

int netlink_ra_devices(int *ifindexes, unsigned max)
{
	struct device_search s = { .ifindexes = ifindexes, .max = max };
	int rc = netlink_request_dump(RTM_GETROUTE, AF_INET6, match_ra_route, &s);

	return rc < 0 ? rc : (int)s.n;
}
