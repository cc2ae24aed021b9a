/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq.h - one dnsmasq for each network that asks for DHCP, on its host leg.
 *
 * Life: dnsmasq_run() starts, adopts, restarts or stops the one of a network; those that die are
 * started again with growing delay; dnsmasq_set_destroy() leaves them running for the next daemon,
 * or stops them.  Thread: the daemon's only one. */
#pragma once

#include "config/model.h"

struct event_base;
struct dnsmasq_set;

struct dnsmasq_set *dnsmasq_set_create(struct event_base *base, const char *run_dir,
	const char *state_dir, void (*on_change)(void *arg), void *arg);
void dnsmasq_set_destroy(struct dnsmasq_set *set, bool stop);
/* The network's dnsmasq should run on the leg @ifname as @n says.  0: it does; or -errno with @e.
 * -EAGAIN: it died and will be started again in a while. */
[[nodiscard]] int dnsmasq_run(struct dnsmasq_set *set, const struct model *m,
	const struct network_cfg *n, const char *ifname, struct err *e);
/* Networks without (any longer): stop it; @name may be NULL when it is not known any more. */
void dnsmasq_stop(struct dnsmasq_set *set, uint16_t network_id);
/* 0: none. */
int dnsmasq_pid(const struct dnsmasq_set *set, uint16_t network_id);

struct dnsmasq_paths {
	const char *ifname;
	const char *pidfile, *leases, *resolv;
	const char *user;
};
/* The configuration file's text, malloc'ed; NULL without memory.  Pure. */
char *dnsmasq_print_conf(const struct network_cfg *n, const struct dnsmasq_paths *paths);
/* Our resolver file: what @resolv_conf names, addresses of our own gateways apart, since asking
 * them would go round in circles.  malloc'ed.  Pure. */
char *dnsmasq_print_resolv(const struct model *m, const char *resolv_conf);
