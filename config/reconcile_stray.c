/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_stray.c - taps that an earlier daemon of this run dir made and nobody wants any more.
 * From: reconcile.c, in the first run.  To: netlink_request.c, netns.c.
 * Theory: the taps of host vifs and legs are persistent and outlive daemon and engine.  When both
 * were killed and the configuration is another one since (or nobody's, as for saklard --stop without
 * its database), their mark is all that is left of them.  Namespaces with a name are searched; what
 * lives in one without goes with it.
 * Thread: the daemon's only one. */
#include "config/netns.h"
#include "config/reconcile_state.h"
#include "vswitch/base/log.h"
#include "vswitch/base/siphash.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE("reconcile_stray");

#define NETNS_DIR "/run/netns"
#define STRAYS_MAX 64
#define RUN_DIR_MAX 60

void reconcile_alias(const struct reconcile *r, const char *name, char alias[LINK_ALIAS_LEN])
{
	/* No secret: run dirs are chosen by root. */
	static const struct sipkey key = { 0x73616b6c61720003, 0x616c696173000003 };
	const char *dir = r->paths.run_dir;

	if (strlen(dir) <= RUN_DIR_MAX)
		snprintf(alias, LINK_ALIAS_LEN, "saklar %.60s %.15s", dir, name);
	else
		snprintf(alias, LINK_ALIAS_LEN, "saklar %.40s~%016llx %.15s", dir,
			(unsigned long long)siphash13(&key, dir, strlen(dir)), name);
}

static bool is_wanted(const struct reconcile *r, const char *name)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (r->wants.vif[id].id != VIF_ID_NONE && strcmp(r->wants.vif[id].name, name) == 0)
			return true;
	return false;
}

/* In the namespace we are in. */
static void delete_here(const struct reconcile *r)
{
	struct link *link = calloc(STRAYS_MAX, sizeof(*link));
	char prefix[LINK_ALIAS_LEN];
	int n;

	reconcile_alias(r, "", prefix);
	n = link != NULL ? netlink_find_alias(prefix, link, STRAYS_MAX) : 0;
	for (int i = 0; i < MIN(n, STRAYS_MAX); i++) {
		/* A VMM's tap in use stays, as always. */
		if (is_wanted(r, link[i].alias + strlen(prefix))
			|| (undo_has(r->undo, link[i].ifindex, UNDO_CREATED)
				&& link[i].has_carrier))
			continue;
		LOG_INFO("event=stray_deleted netdev=%s", link[i].name);
		if (netlink_delete(link[i].ifindex) < 0)
			LOG_WARN("event=stray_stays netdev=%s", link[i].name);
	}
	free(link);
}

void reconcile_stray_delete(struct reconcile *r)
{
	DIR *dir;

	delete_here(r);
	dir = opendir(NETNS_DIR);
	if (dir == NULL)
		return;
	for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		int fd = d->d_name[0] == '.' ? -1 : netns_open(d->d_name, NULL);
		int home;

		if (fd < 0)
			continue;
		if (netns_enter(fd, &home) == 0) {
			delete_here(r);
			netns_leave(home);
		}
		close(fd);
	}
	closedir(dir);
	netlink_sync(r->netlink);
}
