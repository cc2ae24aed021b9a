/* SPDX-License-Identifier: Apache-2.0 */
/* actual.c - desired minus actual, and the states that users see.
 * From: reconcile*.c.  Pure but for the clock and the log.
 * Theory: a vif is kept when its cookie is the wanted one and its netdev still exists; anything else
 * is closed and opened anew.  All closings come before all openings.
 * Thread: the daemon's only one. */
#include "config/actual.h"

#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <stdio.h>
#include <string.h>

LOG_MODULE("actual");

#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 10000

const char *object_state_name(enum object_state s)
{
	switch (s) {
	case STATE_PENDING: return "pending";
	case STATE_UP: return "up";
	case STATE_DOWN: return "down";
	case STATE_WAITING: return "waiting";
	case STATE_FAILED: return "failed";
	}
	return "?";
}

void retry_later(struct retry *r)
{
	uint32_t doublings = MIN(r->n, 10u);
	uint64_t ms = MIN((uint64_t)RETRY_MAX_MS, (uint64_t)RETRY_FIRST_MS << doublings);

	r->n++;
	r->at_ns = clock_now_ns() + ms * NS_PER_MS;
}

void retry_clear(struct retry *r)
{
	*r = (struct retry){ 0 };
}

bool retry_is_due(const struct retry *r)
{
	return r->at_ns == 0 || clock_now_ns() >= r->at_ns;
}

void actual_set_vif(struct vif_slot *slot, enum object_state state, const char *why)
{
	if (slot->state != state || strcmp(slot->why, why) != 0)
		LOG_INFO("event=vif_state vif=%s state=%s reason=\"%s\"", slot->as.name,
			object_state_name(state), why);
	slot->state = state;
	snprintf(slot->why, sizeof(slot->why), "%s", why);
}

void actual_set_network(struct network_slot *slot, enum object_state state, const char *why)
{
	slot->state = state;
	snprintf(slot->why, sizeof(slot->why), "%s", why);
}

unsigned actual_diff(const struct vif_wants *want, const struct actual *have,
	const struct vif_sight *sight, struct step *steps)
{
	bool is_kept[VIF_ID_MAX];
	unsigned n = 0;

	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_slot *slot = &have->vif[id];

		is_kept[id] = slot->is_open && want->vif[id].id != VIF_ID_NONE
			&& sight[id].is_present && sight[id].cookie == slot->cookie;
		if (slot->is_open && !is_kept[id])
			steps[n++] = (struct step){ STEP_CLOSE, (uint16_t)id };
	}
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		if (want->vif[id].id == VIF_ID_NONE)
			continue;
		if (is_kept[id])
			steps[n++] = (struct step){ STEP_ADJUST, (uint16_t)id };
		else
			steps[n++] = (struct step){ STEP_OPEN, (uint16_t)id };
	}
	return n;
}

const struct ipaddr *actual_forward_target(const struct actual *a, const struct forward_cfg *f)
{
	static const struct ipaddr unknown;
	const struct ipaddr *target;

	if (f->vif_id == VIF_ID_NONE || f->vif_id >= VIF_ID_MAX)
		return &f->address;
	target = &a->guest_address[f->vif_id];
	return memcmp(target, &unknown, sizeof(unknown)) == 0 ? NULL : target;
}
