/* SPDX-License-Identifier: Apache-2.0 */
/* netback.h - the back ends of Xen guests' network devices, as xenstore knows them.
 *
 * What it is: a table of the devices in this domain's backend/vif, each with what the toolstack, the guest
 * and we have written about it; and the handshake with the guest.  It opens nothing and knows no vifs.
 * Life: netback_create() always succeeds; without Xen, or while xenstored is gone, netback_why() says so.
 *   For each run of reconcile: netback_begin(), netback_claim() for the devices that a vif wants,
 *   netback_serve() for those whose rings the engine has, netback_end().  on_change asks for a run.
 * A device is ready when its guest's driver has connected, and stays so until either side ends that; its
 * rings may be opened meanwhile.  The guest is told that it is connected when it is served.
 * Thread: the daemon's only one. */
#pragma once

#include "config/xen_rings.h"

#define NETBACK_TEXT 96
#define NETBACK_UUID 40

struct event_base;
struct netback;

enum xenbus_state {
	XENBUS_UNKNOWN,
	XENBUS_INITIALISING,
	XENBUS_INIT_WAIT,
	XENBUS_INITIALISED,
	XENBUS_CONNECTED,
	XENBUS_CLOSING,
	XENBUS_CLOSED,
	XENBUS_RECONFIGURING,
	XENBUS_RECONFIGURED,
	XENBUS_N
};
const char *xenbus_state_name(enum xenbus_state s);

struct netback_dev {
	uint16_t domid, devid;
	char name[SAKLAR_NAME_LEN]; /* vifname=, else vifDOMAIN.NUMBER */
	char domain[NETBACK_TEXT]; /* the guest's name; "": not known */
	char uuid[NETBACK_UUID];
	char front_path[NETBACK_TEXT];
	char mac[24];
	enum xenbus_state back, front_state;
	bool is_ours; /* its hotplug script is Saklar's */
	bool is_kernels; /* the kernel's netback has it */
	bool is_plugged; /* hotplug-status=connected */
	bool is_online; /* the toolstack wants it */
	bool is_announced; /* we have written what we offer */
	bool is_ready; /* .front holds what the guest has written */
	bool is_claimed; /* a vif wants it */
	bool is_served; /* the engine has its rings */
	bool is_refused; /* this incarnation: .why says what was wrong; until the guest begins anew */
	struct xen_front front;
	uint64_t incarnation; /* differs for every connection; 0: not ready */
	char why[200]; /* what is missing; "": nothing */
};

struct netback *netback_create(struct event_base *base, void (*on_change)(void *arg), void *arg);
void netback_destroy(struct netback *n);

/* Why there is nothing to be seen of Xen; "": there is. */
const char *netback_why(const struct netback *n);
const struct netback_dev *netback_find(const struct netback *n, const char *name);

void netback_begin(struct netback *n);
/* The vif wants the device @name, and offers at most @queues; 0: as many as there are processors. */
void netback_claim(struct netback *n, const char *name, unsigned queues);
void netback_serve(struct netback *n, uint16_t domid, uint16_t devid);
void netback_end(struct netback *n);
/* Something is wrong with this incarnation: the guest's driver is told to close. */
void netback_refuse(struct netback *n, const char *name, const char *why);
