/* SPDX-License-Identifier: Apache-2.0 */
/* netback.c - the table of Xen guests' back ends, and when each is looked at.
 *
 * From: reconcile_xen.c, watches of xenstore.  To: netback_device.c, xenstore.c.
 * Theory: a watch only marks a device; a turn looks at those that are marked.  So events that come without
 * end cost a flag, and a device is looked at EVENTS_A_S times a second at most.
 * Thread: the daemon's only one. */
#include "config/netback.h"

#include "config/netback_device.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_MODULE("netback");

#define DEVICES_MAX VIF_ID_MAX
#define EVENTS_A_S 20
#define EVENTS_BURST 100
#define RETRY_MS 1000
#define PATH_LEN 160

struct netback {
	struct event_base *base;
	void (*on_change)(void *arg);
	void *arg;
	struct xenstore *store;
	struct event *turn_timer, *retry_timer;
	char why[160];
	bool must_list; /* what is there already */
	unsigned n;
	struct netback_device *device[DEVICES_MAX];
};

static void turn_ask(struct netback *n, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	if (ms == 0 || !evtimer_pending(n->turn_timer, NULL))
		evtimer_add(n->turn_timer, &tv);
}

static struct netback_device *device_find(const struct netback *n, uint32_t domid, uint32_t devid)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->device[i]->is.domid == domid && n->device[i]->is.devid == devid)
			return n->device[i];
	return NULL;
}

static struct netback_device *device_add(struct netback *n, uint16_t domid, uint16_t devid)
{
	struct netback_device *d = n->n < DEVICES_MAX ? calloc(1, sizeof(*d)) : NULL;

	if (d == NULL)
		return NULL;
	d->is.domid = domid;
	d->is.devid = devid;
	d->tokens = EVENTS_BURST;
	d->tokens_ns = clock_now_ns();
	n->device[n->n++] = d;
	return d;
}

/* Two numbers of at most five digits with @between between them, from @text on. */
static bool read_pair(const char *text, char between, unsigned *domid, unsigned *devid)
{
	unsigned *const to[] = { domid, devid };

	for (unsigned i = 0; i < 2; i++) {
		size_t n = strspn(text, "0123456789");
		unsigned long v = strtoul(text, NULL, 10);

		if (n == 0 || n > 5 || v > UINT16_MAX || (i == 0 && text[n] != between))
			return false;
		*to[i] = (unsigned)v;
		text += i == 0 ? n + 1 : n;
	}
	return true;
}

/* "backend/vif/3/0/state": mark device 3.0. */
static void path_mark(struct netback *n, const char *path)
{
	unsigned domid, devid;
	struct netback_device *d;

	if (strncmp(path, NETBACK_FOLDER "/", strlen(NETBACK_FOLDER "/")) != 0)
		return;
	if (!read_pair(path + strlen(NETBACK_FOLDER "/"), '/', &domid, &devid))
		return;
	d = device_find(n, domid, devid);
	if (d == NULL)
		d = device_add(n, (uint16_t)domid, (uint16_t)devid);
	if (d == NULL || d->is_dirty)
		return;
	d->is_dirty = true;
	turn_ask(n, 0);
}

static void on_event(void *arg, const char *path, const char *token)
{
	struct netback *n = arg;
	unsigned domid, devid;
	struct netback_device *d;

	if (token[0] == 'b') {
		path_mark(n, path);
		return;
	}
	if (token[0] != 'f' || !read_pair(token + 1, '.', &domid, &devid))
		return;
	d = device_find(n, domid, devid);
	if (d == NULL || d->is_dirty)
		return;
	d->is_dirty = true;
	turn_ask(n, 0);
}

static void change_tell(struct netback *n, struct netback_device *d)
{
	if (d->is_dirty)
		turn_ask(n, 0);
	if (d->has_changed)
		n->on_change(n->arg);
	d->has_changed = false;
}

static void device_forget(struct netback *n, unsigned i)
{
	struct netback_device *d = n->device[i];

	LOG_INFO("event=netback_gone vif=%s domain=%u", d->is.name, d->is.domid);
	netback_device_watch(n->store, d, false);
	n->device[i] = n->device[--n->n];
	free(d);
	n->on_change(n->arg);
}

/* May this device be looked at now?  Its guest can change its keys as often as it likes. */
static bool token_take(struct netback_device *d)
{
	uint64_t now = clock_now_ns(), more;

	more = (now - d->tokens_ns) * EVENTS_A_S / NS_PER_SEC;
	if (more > 0) {
		d->tokens = (uint32_t)MIN(d->tokens + more, (uint64_t)EVENTS_BURST);
		d->tokens_ns = now;
	}
	if (d->tokens == 0)
		return false;
	d->tokens--;
	return true;
}

/* The first event of a watch has no name in it: look what is there already. */
static void list_devices(struct netback *n)
{
	char domains[2048], devices[1024], path[PATH_LEN];
	int rc = xenstore_list(n->store, NETBACK_FOLDER, domains, sizeof(domains));

	n->must_list = false;
	for (int at = 0; at < rc; at += (int)strlen(domains + at) + 1) {
		int len;

		snprintf(path, sizeof(path), NETBACK_FOLDER "/%.10s", domains + at);
		len = xenstore_list(n->store, path, devices, sizeof(devices));
		for (int k = 0; k < len; k += (int)strlen(devices + k) + 1) {
			snprintf(path, sizeof(path), NETBACK_FOLDER "/%.10s/%.10s", domains + at,
				devices + k);
			path_mark(n, path);
		}
	}
}

static void turn_run(struct netback *n)
{
	if (n->must_list && n->store != NULL)
		list_devices(n);
	for (unsigned i = n->n; i-- > 0 && n->store != NULL;) {
		struct netback_device *d = n->device[i];
		bool was_known = d->is.front_path[0] != '\0';

		if (!d->is_dirty)
			continue;
		if (!token_take(d)) {
			turn_ask(n, 1000 / EVENTS_A_S);
			continue;
		}
		d->is_dirty = false;
		if (!netback_device_look(n->store, d))
			return;
		if (d->is_gone) {
			device_forget(n, i);
			continue;
		}
		if (!was_known)
			n->on_change(n->arg); /* a vif may wait for it */
		netback_device_step(n->store, d);
		change_tell(n, d);
	}
}

static void on_turn(int, short, void *arg)
{
	turn_run(arg);
}

static void on_gone(void *arg)
{
	struct netback *n = arg;
	static const struct timeval later = { .tv_sec = RETRY_MS / 1000 };

	xenstore_close(n->store);
	n->store = NULL;
	snprintf(n->why, sizeof(n->why),
		"xenstored is gone or does not answer; guests that are connected go on, others "
		"wait");
	evtimer_add(n->retry_timer, &later);
	n->on_change(n->arg);
}

static const struct xenstore_ops store_ops = { .on_event = on_event, .on_gone = on_gone };

/* Look for Xen; again and again when it was there. */
static void open_store(struct netback *n)
{
	static const struct timeval later = { .tv_sec = RETRY_MS / 1000 };
	const char *path = xenstore_path();

	if (n->store != NULL)
		return;
	if (path == NULL) {
		snprintf(n->why, sizeof(n->why),
			"there is no Xen on this host: neither xenstored nor /dev/xen/xenbus");
		return;
	}
	n->store = xenstore_open(n->base, path, &store_ops, n);
	if (n->store == NULL || xenstore_watch(n->store, NETBACK_FOLDER, "b") < 0) {
		snprintf(n->why, sizeof(n->why), "xenstored cannot be reached at %s", path);
		xenstore_close(n->store);
		n->store = NULL;
		evtimer_add(n->retry_timer, &later);
		return;
	}
	n->why[0] = '\0';
	n->must_list = true;
	LOG_INFO("event=xenstore_connected path=%s", path);
	for (unsigned i = 0; i < n->n; i++) {
		netback_device_watch(n->store, n->device[i], true);
		n->device[i]->is_dirty = true;
	}
	turn_ask(n, 0);
	n->on_change(n->arg);
}

static void on_retry(int, short, void *arg)
{
	open_store(arg);
}

const char *netback_why(const struct netback *n)
{
	return n->why;
}

const struct netback_dev *netback_find(const struct netback *n, const char *name)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->device[i]->is.front_path[0] != '\0'
			&& strcmp(n->device[i]->is.name, name) == 0)
			return &n->device[i]->is;
	return NULL;
}

void netback_begin(struct netback *n)
{
	if (n->store == NULL && !evtimer_pending(n->retry_timer, NULL))
		open_store(n);
	for (unsigned i = 0; i < n->n; i++) {
		struct netback_device *d = n->device[i];

		d->was_claimed = d->is.is_claimed;
		d->was_served = d->is.is_served;
		d->is.is_claimed = false;
		d->is.is_served = false;
	}
}

void netback_claim(struct netback *n, const char *name, unsigned queues)
{
	for (unsigned i = 0; i < n->n; i++) {
		if (strcmp(n->device[i]->is.name, name) != 0)
			continue;
		n->device[i]->is.is_claimed = true;
		n->device[i]->queues = queues;
	}
}

void netback_serve(struct netback *n, uint16_t domid, uint16_t devid)
{
	struct netback_device *d = device_find(n, domid, devid);

	if (d != NULL)
		d->is.is_served = true;
}

void netback_end(struct netback *n)
{
	for (unsigned i = 0; i < n->n; i++) {
		struct netback_device *d = n->device[i];

		if (d->is.is_claimed == d->was_claimed && d->is.is_served == d->was_served
			&& d->is_told)
			continue;
		d->is_told = d->is.front_path[0] != '\0';
		/* of our own doing: costs the guest no token */
		d->tokens = MIN(d->tokens + 1, (uint32_t)EVENTS_BURST);
		d->is_dirty = true;
	}
	turn_run(n);
}

void netback_refuse(struct netback *n, const char *name, const char *why)
{
	for (unsigned i = 0; i < n->n; i++) {
		struct netback_device *d = n->device[i];

		if (strcmp(d->is.name, name) != 0 || d->is.is_refused)
			continue;
		netback_device_refuse(d, why);
		change_tell(n, d);
	}
}

void netback_destroy(struct netback *n)
{
	if (n == NULL)
		return;
	xenstore_close(n->store);
	if (n->turn_timer != NULL)
		event_free(n->turn_timer);
	if (n->retry_timer != NULL)
		event_free(n->retry_timer);
	for (unsigned i = 0; i < n->n; i++)
		free(n->device[i]);
	free(n);
}

struct netback *netback_create(struct event_base *base, void (*on_change)(void *arg), void *arg)
{
	struct netback *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->base = base;
	n->on_change = on_change;
	n->arg = arg;
	n->turn_timer = evtimer_new(base, on_turn, n);
	n->retry_timer = evtimer_new(base, on_retry, n);
	if (n->turn_timer == NULL || n->retry_timer == NULL) {
		netback_destroy(n);
		return NULL;
	}
	open_store(n);
	turn_run(n);
	return n;
}
