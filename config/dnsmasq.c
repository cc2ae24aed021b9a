/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dnsmasq.h"
#include <stdlib.h>
struct dnsmasq_set { int x; };
struct dnsmasq_set *dnsmasq_set_create(struct event_base *base, const char *run_dir,
	const char *state_dir, void (*on_change)(void *arg), void *arg)
{ (void)base;(void)run_dir;(void)state_dir;(void)on_change;(void)arg; return calloc(1, sizeof(struct dnsmasq_set)); }
void dnsmasq_set_destroy(struct dnsmasq_set *set, bool stop) { (void)stop; free(set); }
int dnsmasq_run(struct dnsmasq_set *set, const struct model *m, const struct network_cfg *n, const char *ifname, struct err *e)
{ (void)set;(void)m;(void)n;(void)ifname;(void)e; return 0; }
void dnsmasq_stop(struct dnsmasq_set *set, uint16_t network_id) { (void)set;(void)network_id; }
int dnsmasq_pid(const struct dnsmasq_set *set, uint16_t network_id) { (void)set;(void)network_id; return 0; }
