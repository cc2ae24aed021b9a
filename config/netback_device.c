/* SPDX-License-Identifier: Apache-2.0 */
/* netback_device.c - one device's half of the handshake: what is written about it, and what follows.
 *
 * From: netback.c, for devices that were marked.  To: netback_front.c, xenstore.c.
 * Theory: level-triggered: netback_device_look() reads what both ends and the toolstack have written,
 * netback_device_step() does what that asks for.
 *   toolstack makes the folder (1) -> we offer features and write 2 -> it runs the hotplug script, which makes
 *   a vif and writes hotplug-status -> guest connects (4) -> its rings are opened -> engine has them -> we write 4.
 * The kernel's netback, where it is loaded, takes each new device first; the script takes it away from
 * there.  We write nothing as long as it is bound.
 * A state is written in a transaction that has seen the folder and the state it follows, because a write would
 * make a folder anew that the toolstack has just removed.
 * After a restart a device at 4/4 is taken up as it is.
 * Invariants: we write 5 or 6 only when the engine holds no page of the guest any more.
 * Thread: the daemon's only one. */
#include "config/netback_device.h"

#include "config/netback_front.h"
#include "vswitch/base/log.h"
#include "vswitch/base/siphash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE("netback");

#define SCRIPT "vif-saklar"
#define DRIVER "/sys/bus/xen-backend/drivers/vif"
#define DEVICE "/sys/bus/xen-backend/devices/vif-%u-%u/driver"
#define PATH_LEN 160

const char *xenbus_state_name(enum xenbus_state s)
{
	static const char *const names[XENBUS_N] = { "unknown", "initialising", "init-wait",
		"initialised", "connected", "closing", "closed", "reconfiguring", "reconfigured" };

	return s < XENBUS_N ? names[s] : "?";
}

static void back_path(const struct netback_dev *d, char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, NETBACK_FOLDER "/%u/%u", d->domid, d->devid);
}

static enum xenbus_state state_of(const char *text)
{
	uint32_t state;

	return netback_number(text, XENBUS_N - 1, &state) < 0 ? XENBUS_UNKNOWN
							      : (enum xenbus_state)state;
}

/* A key of our own side, by the toolstack. */
static bool key(struct xenstore *x, const struct netback_device *d, const char *name,
	char value[XENSTORE_VALUE_MAX])
{
	char path[PATH_LEN];

	back_path(&d->is, path);
	return netback_key(x, path, name, value) == 0;
}

static bool is_path(const char *path)
{
	if (strncmp(path, "/local/domain/", 14) != 0 || strlen(path) >= NETBACK_TEXT)
		return false;
	for (const char *c = path; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

void netback_device_watch(struct xenstore *x, const struct netback_device *d, bool on)
{
	char path[PATH_LEN], token[24];

	if (d->is.front_path[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%.100s/state", d->is.front_path);
	snprintf(token, sizeof(token), "f%u.%u", d->is.domid, d->is.devid);
	if (!on)
		xenstore_unwatch(x, path, token);
	else if (xenstore_watch(x, path, token) < 0)
		LOG_WARN("event=watch_failed path=%s", path);
}

/* What does not fit is cut. */
static void text_copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void name_set(struct netback_device *d, const char *vifname)
{
	bool is_good = vifname[0] != '\0' && strlen(vifname) <= SAKLAR_NAME_MAX;

	for (const char *c = vifname; *c != '\0'; c++)
		is_good = is_good && *c > ' ' && *c <= '~' && *c != '/';
	if (is_good)
		text_copy(d->is.name, sizeof(d->is.name), vifname);
	else
		snprintf(d->is.name, sizeof(d->is.name), "vif%u.%u", d->is.domid, d->is.devid);
}

/* Text of the toolstack that is only shown. */
static void text_set(char *to, size_t size, const char *from)
{
	text_copy(to, size, from);
	for (char *c = to; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* What does not change in a device's life. */
static void identity_read(struct xenstore *x, struct netback_device *d)
{
	char value[XENSTORE_VALUE_MAX], path[PATH_LEN];
	const char *base;

	name_set(d, key(x, d, "vifname", value) ? value : "");
	d->is.is_ours = false;
	if (key(x, d, "script", value)) {
		base = strrchr(value, '/');
		base = base != NULL ? base + 1 : value;
		d->is.is_ours = strncmp(base, SCRIPT, strlen(SCRIPT)) == 0;
	}
	if (key(x, d, "mac", value))
		text_set(d->is.mac, sizeof(d->is.mac), value);
	snprintf(path, sizeof(path), "/local/domain/%u", d->is.domid);
	if (netback_key(x, path, "name", value) == 0)
		text_set(d->is.domain, sizeof(d->is.domain), value);
	if (netback_key(x, path, "vm", value) == 0 && strncmp(value, "/vm/", 4) == 0)
		text_set(d->is.uuid, sizeof(d->is.uuid), value + 4);
}

static void kernel_look(struct netback_device *d)
{
	char path[96];

	snprintf(path, sizeof(path), DEVICE, d->is.domid, d->is.devid);
	d->is.is_kernels = access(path, F_OK) == 0;
}

/* What both ends and the toolstack say now.  False: xenstored is gone. */
bool netback_device_look(struct xenstore *x, struct netback_device *d)
{
	char value[XENSTORE_VALUE_MAX], path[PATH_LEN];
	int rc;

	back_path(&d->is, path);
	rc = netback_key(x, path, "frontend", value);
	if (rc == -ENOTCONN)
		return false;
	d->is_gone = rc < 0 || !is_path(value);
	if (d->is_gone)
		return true;
	if (strcmp(d->is.front_path, value) != 0) {
		netback_device_watch(x, d, false);
		memcpy(d->is.front_path, value,
			strlen(value) + 1); /* is_path() looked at the length */
		netback_device_watch(x, d, true);
		identity_read(x, d);
	}
	d->is.back = key(x, d, "state", value) ? state_of(value) : XENBUS_UNKNOWN;
	d->is.is_online = key(x, d, "online", value) && strcmp(value, "1") == 0;
	d->is.is_plugged = key(x, d, "hotplug-status", value) && strcmp(value, "connected") == 0;
	d->is.front_state = netback_key(x, d->is.front_path, "state", value) == 0 ? state_of(value)
										  : XENBUS_UNKNOWN;
	kernel_look(d);
	return true;
}

static void why_set(struct netback_device *d, const char *why)
{
	if (strcmp(d->is.why, why) != 0)
		LOG_INFO("event=netback_waits vif=%s reason=\"%s\"", d->is.name, why);
	text_copy(d->is.why, sizeof(d->is.why), why);
}

struct pair {
	const char *key, *value;
};

/* Write @pairs into the device's folder, if it is there and its state is still what we saw. */
static int folder_write(
	struct xenstore *x, struct netback_device *d, const struct pair *pairs, unsigned count)
{
	char path[PATH_LEN], full[PATH_LEN + 64], value[XENSTORE_VALUE_MAX];
	int rc = -EAGAIN;

	back_path(&d->is, path);
	for (unsigned tries = 0; tries < 5 && rc == -EAGAIN; tries++) {
		xenstore_tx tx;

		rc = xenstore_begin(x, &tx);
		if (rc < 0)
			return rc;
		snprintf(full, sizeof(full), "%s/frontend", path);
		rc = xenstore_read(x, tx, full, value, sizeof(value));
		snprintf(full, sizeof(full), "%s/state", path);
		if (rc == 0)
			rc = xenstore_read(x, tx, full, value, sizeof(value));
		if (rc == 0 && state_of(value) != d->is.back)
			rc = -ESTALE; /* the watch that told so makes another turn */
		for (unsigned i = 0; i < count && rc == 0; i++) {
			snprintf(full, sizeof(full), "%s/%s", path, pairs[i].key);
			rc = xenstore_write(x, tx, full, pairs[i].value);
		}
		if (rc < 0)
			(void)xenstore_end(x, tx, false);
		else
			rc = xenstore_end(x, tx, true);
	}
	return rc;
}

static void state_write(struct xenstore *x, struct netback_device *d, enum xenbus_state state)
{
	char text[4];
	struct pair pair = { "state", text };
	int rc;

	if (d->is.back == state)
		return;
	snprintf(text, sizeof(text), "%u", (unsigned)state);
	rc = folder_write(x, d, &pair, 1);
	LOG_INFO("event=xenbus_state vif=%s from=%s to=%s rc=%d", d->is.name,
		xenbus_state_name(d->is.back), xenbus_state_name(state), rc);
	if (rc == 0)
		d->is.back = state;
}

/* What we leave out for tests of front ends: SAKLAR_XEN_WITHHOLD="feature-sg feature-gso-tcpv4 ...". */
static bool is_withheld(const char *key)
{
	const char *list = getenv("SAKLAR_XEN_WITHHOLD");
	const char *at = list != NULL ? strstr(list, key) : NULL;
	size_t len = strlen(key);

	return at != NULL && (at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0');
}

static unsigned queues_offered(const struct netback_device *d)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (d->queues != 0)
		return MIN(d->queues, (unsigned)VIF_QUEUES_MAX);
	return cpus < 1 ? 1 : (unsigned)MIN(cpus, (long)VIF_QUEUES_MAX);
}

/* Write what we offer, and then that we wait for the guest. */
static void announce(struct xenstore *x, struct netback_device *d)
{
	static const char *const on[] = { "feature-rx-copy", "feature-sg", "feature-gso-tcpv4",
		"feature-gso-tcpv6", "feature-ipv6-csum-offload", "feature-split-event-channels",
		"feature-ctrl-ring", "feature-xdp-headroom" };
	/* A list of groups would be lost with the engine. */
	static const char *const off[] = { "feature-rx-flip", "feature-multicast-control",
		"feature-dynamic-multicast-control" };
	struct pair pairs[ARRAY_LEN(on) + ARRAY_LEN(off) + 2];
	unsigned count = 0;
	char queues[8];
	int rc;

	for (unsigned i = 0; i < ARRAY_LEN(on); i++)
		pairs[count++] = (struct pair){ on[i], is_withheld(on[i]) ? "0" : "1" };
	for (unsigned i = 0; i < ARRAY_LEN(off); i++)
		pairs[count++] = (struct pair){ off[i], "0" };
	snprintf(queues, sizeof(queues), "%u", queues_offered(d));
	pairs[count++] = (struct pair){ "multi-queue-max-queues", queues };
	pairs[count++] = (struct pair){ "state", "2" };
	rc = folder_write(x, d, pairs, count);
	LOG_INFO("event=xenbus_announced vif=%s domain=%u queues=%s rc=%d", d->is.name, d->is.domid,
		queues, rc);
	if (rc < 0)
		return;
	d->is.back = XENBUS_INIT_WAIT;
	d->is.is_announced = true;
	d->is.is_refused = false;
}

static void unready(struct netback_device *d)
{
	if (!d->is.is_ready)
		return;
	d->is.is_ready = false;
	d->is.incarnation = 0;
	d->has_changed = true;
}

void netback_device_refuse(struct netback_device *d, const char *why)
{
	LOG_WARN("event=front_end_refused vif=%s domain=%u reason=\"%s\"", d->is.name, d->is.domid,
		why);
	d->is.is_refused = true;
	why_set(d, why);
	unready(d);
	d->is_dirty = true; /* to be told so */
	d->has_changed = true;
}

/* The guest has connected: read its rings. */
static void connect_front(struct xenstore *x, struct netback_device *d)
{
	static const struct sipkey fixed = { 1, 2 };
	struct xen_front front;
	struct err e = ERR_NONE;
	int rc;

	if (d->is.is_ready)
		return;
	memset(&front, 0, sizeof(front));
	front.domid = d->is.domid;
	front.devid = d->is.devid;
	rc = netback_front_read(x, d->is.front_path, queues_offered(d), &front, &e);
	if (rc == -ENOTCONN)
		return;
	if (rc < 0) {
		netback_device_refuse(d, e.msg);
		return;
	}
	d->is.front = front;
	d->is.incarnation = siphash13(&fixed, &front, sizeof(front)) | 1;
	d->is.is_ready = true;
	why_set(d, "");
	d->has_changed = true;
}

static void step_closing(struct xenstore *x, struct netback_device *d, enum xenbus_state state)
{
	unready(d);
	d->is.is_announced = false;
	if (!d->is.is_served)
		state_write(x, d, state);
}

/* We have offered; what does the guest say? */
static void step_waiting(struct xenstore *x, struct netback_device *d)
{
	switch (d->is.front_state) {
	case XENBUS_CLOSING: step_closing(x, d, XENBUS_CLOSING); return;
	case XENBUS_CLOSED: step_closing(x, d, XENBUS_CLOSED); return;
	case XENBUS_INITIALISED:
	case XENBUS_CONNECTED: break;
	case XENBUS_UNKNOWN:
	case XENBUS_INITIALISING:
	case XENBUS_INIT_WAIT:
	case XENBUS_RECONFIGURING:
	case XENBUS_RECONFIGURED:
	case XENBUS_N:
		unready(d);
		why_set(d, "waits for the guest's network driver");
		if (d->is.back == XENBUS_CONNECTED && !d->is.is_served)
			state_write(x, d, XENBUS_CLOSING);
		return;
	}
	if (!d->is.is_plugged && d->is.back == XENBUS_INIT_WAIT) {
		why_set(d, "waits for the hotplug script (hotplug-status=connected)");
		return;
	}
	if (!d->is.is_claimed)
		return;
	connect_front(x, d);
	if (d->is.is_ready && d->is.is_served)
		state_write(x, d, XENBUS_CONNECTED);
}

void netback_device_step(struct xenstore *x, struct netback_device *d)
{
	/* One that the script has taken from the kernel and that found no vif is to be closed as well. */
	bool is_to_take = d->is.is_claimed
		|| (d->is.is_ours && d->is_told
			&& (d->is.back == XENBUS_CLOSING || access(DRIVER, F_OK) < 0));

	if (d->is.is_kernels) {
		unready(d);
		d->is.is_announced = false;
		why_set(d,
			"the kernel's xen-netback has this vif; script=vif-saklar takes it away "
			"from there");
		return;
	}
	if (!is_to_take)
		return;
	if (d->is.is_refused && d->is.back != XENBUS_INITIALISING
		&& d->is.front_state != XENBUS_INITIALISING) {
		step_closing(x, d,
			d->is.front_state == XENBUS_CLOSED || d->is.front_state == XENBUS_UNKNOWN
				? XENBUS_CLOSED
				: XENBUS_CLOSING);
		return;
	}
	switch (d->is.back) {
	case XENBUS_UNKNOWN:
	case XENBUS_INITIALISING:
		unready(d);
		if (!d->is.is_served)
			announce(x, d);
		break;
	case XENBUS_CLOSING:
		step_closing(x, d,
			!d->is.is_online || d->is.front_state == XENBUS_CLOSED
					|| d->is.front_state == XENBUS_UNKNOWN
				? XENBUS_CLOSED
				: XENBUS_CLOSING);
		break;
	case XENBUS_CLOSED:
		unready(d);
		if (d->is.is_online && !d->is.is_served && d->is.front_state == XENBUS_INITIALISING)
			announce(x, d);
		break;
	case XENBUS_INIT_WAIT:
		if (!d->is.is_announced)
			announce(x, d);
		step_waiting(x, d);
		break;
	case XENBUS_INITIALISED:
	case XENBUS_CONNECTED:
	case XENBUS_RECONFIGURING:
	case XENBUS_RECONFIGURED:
	case XENBUS_N: step_waiting(x, d); break;
	}
}
