/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_leases.c - what DHCP has given to guests that are bound to it, or led to by their vif.
 *
 * From: reconcile_network.c, when the networks run.  To: snapshot_guard.c, snapshot_station.c,
 * reconcile_guest.c.
 * Theory: dnsmasq writes its leases into a file before it answers, so the file is never behind what a
 * guest knows, and it outlives everybody.  A line is "expiry MAC address name client-id"; behind a line
 * "duid ..." come those of IPv6, which name no MAC and are left out: an address of IPv6 is listed, or
 * promised by the network's dhcp_hosts.  inotify tells when a file is written; the files are only
 * read while somebody wants to know.
 * Invariants: a line that is not understood binds nothing.
 * Thread: the daemon has one. */
#include "config/reconcile_state.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_wanted(const struct model *m, const struct network_cfg *n)
{
	for (unsigned i = 0; n->has_dhcp && i < m->n_vifs; i++)
		if (m->vif[i].network_id == n->id
			&& (m->vif[i].guard.has_dhcp || m->vif[i].is_neigh_suppressed))
			return true;
	for (unsigned i = 0; n->has_dhcp && i < m->n_forwards; i++)
		if (m->forward[i].network_id == n->id && m->forward[i].vif_id != VIF_ID_NONE)
			return true;
	return false;
}

static void read_file(struct actual *actual, const char *path, uint16_t network_id)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	if (f == NULL)
		return; /* nobody has asked yet */
	while (actual->n_leases < LEASES_MAX && fgets(line, sizeof(line), f) != NULL) {
		struct lease *lease = &actual->lease[actual->n_leases];
		char mac[MAC_STR_LEN], addr[IP_STR_LEN];

		if (strncmp(line, "duid", 4) == 0)
			break;
		if (sscanf(line, "%*s %17s %45s", mac, addr) != 2)
			continue;
		if (mac_parse(mac, &lease->mac) != 0 || ip_parse(addr, &lease->addr) != 0)
			continue;
		lease->network_id = network_id;
		actual->n_leases++;
	}
	fclose(f);
}

static void on_leases(int fd, short, void *arg)
{
	_Alignas(struct inotify_event) char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	reconcile_ask(arg);
}

/* Best effort: without it leases are read when something else happens. */
static void watch(struct reconcile *r, const char *dir)
{
	if (r->lease_watch >= 0 || (mkdir(dir, 0755) < 0 && errno != EEXIST))
		return;
	r->lease_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->lease_watch < 0
		|| inotify_add_watch(r->lease_watch, dir, IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0)
		return;
	r->lease_event = event_new(r->base, r->lease_watch, EV_READ | EV_PERSIST, on_leases, r);
	if (r->lease_event != NULL)
		event_add(r->lease_event, NULL);
}

void reconcile_leases_read(struct reconcile *r)
{
	char dir[4096 + 16], path[sizeof(dir) + SAKLAR_NAME_LEN + 1];
	bool is_any = false;

	r->actual.n_leases = 0;
	snprintf(dir, sizeof(dir), "%s/leases", r->paths.state_dir);
	for (unsigned i = 0; i < r->model->n_networks; i++) {
		const struct network_cfg *n = &r->model->network[i];

		if (!is_wanted(r->model, n))
			continue;
		is_any = true;
		watch(r, dir); /* before reading: nothing is missed */
		snprintf(path, sizeof(path), "%s/%s", dir, n->name);
		read_file(&r->actual, path, n->id);
	}
	if (!is_any)
		reconcile_leases_fini(r);
}

void reconcile_leases_fini(struct reconcile *r)
{
	if (r->lease_event != NULL)
		event_free(r->lease_event);
	if (r->lease_watch >= 0)
		close(r->lease_watch);
	r->lease_event = NULL;
	r->lease_watch = -1;
}
