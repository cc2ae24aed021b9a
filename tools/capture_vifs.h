/* SPDX-License-Identifier: Apache-2.0 */
/* capture_vifs.h - names of the vifs that a capture meets.
 *
 * Records carry a vif's id; the daemon gives names with capture.open, vif.list and network.list.  Every id leads
 * to an entry: ids that cannot be are counted on the entry of id 0, "unknown". */
#pragma once

#include "vswitch/abi/limits.h"

#include <jansson.h>

#define CAPTURE_DESCRIPTION_LEN 64

struct capture_vif {
	char name[4 * SAKLAR_NAME_LEN]; /* escaped; "" while not known */
	char description[CAPTURE_DESCRIPTION_LEN];
	int32_t interface; /* number of its block in the pcapng file, -1: none yet */
	uint64_t packets;
};

struct capture_vifs {
	struct capture_vif vif[VIF_ID_MAX]; /* index: id */
	uint64_t refreshed_ns; /* when names were asked for last */
};

struct capture_vifs *capture_vifs_create(void);
void capture_vifs_destroy(struct capture_vifs *v);
/* Rows with a name and, by @id_key, an id: the "vifs" of capture.open, vif.list ("id"), network.list
 * ("leg_id", and the uplink_port of each).  Rows without an id only describe the vif of that name. */
void capture_vifs_add_list(struct capture_vifs *v, const json_t *rows, const char *id_key);
/* The first entry called @name, or NULL. */
struct capture_vif *capture_vifs_by_name(struct capture_vifs *v, const char *name);
/* The entry of @id; never NULL. */
struct capture_vif *capture_vifs_find(struct capture_vifs *v, uint16_t id);
/* Is the name of @id unknown, and was it long enough ago that names were asked for? */
bool capture_vifs_may_refresh(struct capture_vifs *v, uint16_t id);
/* Give @vif a name of its id when it has none. */
void capture_vifs_name(const struct capture_vifs *v, struct capture_vif *vif);
