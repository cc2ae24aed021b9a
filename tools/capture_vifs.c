/* SPDX-License-Identifier: Apache-2.0 */
/* capture_vifs.c - names of the vifs that a capture meets.
 *
 * From: cmd_capture.c.  To: libc.
 * Theory: a table by id, as wide as ids can be.  Vifs may be added while a capture runs, so an id
 * without a name makes the caller ask the daemon, at most once a second: an engine that was taken
 * over could invent ids.  Thread: one. */
#include "tools/capture_vifs.h"

#include "tools/text.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFRESH_NS NS_PER_SEC

struct capture_vifs *capture_vifs_create(void)
{
	struct capture_vifs *v = calloc(1, sizeof(*v));

	CHECK(v);
	for (size_t i = 0; i < VIF_ID_MAX; i++)
		v->vif[i].interface = -1;
	snprintf(v->vif[VIF_ID_NONE].name, sizeof(v->vif[0].name), "unknown");
	return v;
}

void capture_vifs_destroy(struct capture_vifs *v)
{
	free(v);
}

/* The entry of an id that came from JSON, or NULL when it cannot be one. */
static struct capture_vif *entry_of(struct capture_vifs *v, json_int_t id)
{
	return id > VIF_ID_NONE && id < VIF_ID_MAX ? &v->vif[id] : NULL;
}

static void set_name(struct capture_vif *vif, const char *name)
{
	/* a name that is in the file stays: interface blocks cannot be changed */
	if (vif && name && vif->interface < 0)
		text_escape(name, vif->name, sizeof(vif->name));
}

struct capture_vif *capture_vifs_by_name(struct capture_vifs *v, const char *name)
{
	for (size_t i = 1; name && i < VIF_ID_MAX; i++)
		if (strcmp(v->vif[i].name, name) == 0)
			return &v->vif[i];
	return NULL;
}

/* "network lan, type tap" of a vif, "host leg of network lan" of a network, else nothing. */
static void describe(struct capture_vif *vif, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *network = json_string_value(json_object_get(row, "network"));
	const char *type = json_string_value(json_object_get(row, "type"));
	char text[96] = "";

	if (type)
		snprintf(text, sizeof(text), "network %.20s, type %.20s", network ? network : "-",
			type);
	else if (json_object_get(row, "mode"))
		snprintf(text, sizeof(text), "host leg of network %.20s", name ? name : "-");
	if (text[0])
		text_escape(text, vif->description, sizeof(vif->description));
}

/* The port by which the network of @row leads out. */
static void add_uplink(struct capture_vifs *v, const json_t *row)
{
	const json_t *port = json_object_get(row, "uplink_port");
	const char *network = json_string_value(json_object_get(row, "name"));
	struct capture_vif *vif = entry_of(v, json_integer_value(json_object_get(port, "id")));
	char text[64];

	if (!vif)
		return;
	set_name(vif, json_string_value(json_object_get(port, "name")));
	snprintf(text, sizeof(text), "uplink of network %.20s", network ? network : "-");
	text_escape(text, vif->description, sizeof(vif->description));
}

void capture_vifs_add_list(struct capture_vifs *v, const json_t *rows, const char *id_key)
{
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		const json_t *id = json_object_get(row, id_key);
		struct capture_vif *vif = json_is_integer(id) ? entry_of(v, json_integer_value(id))
							      : capture_vifs_by_name(v, name);

		add_uplink(v, row);
		if (!vif)
			continue;
		set_name(vif, name);
		describe(vif, row);
	}
}

struct capture_vif *capture_vifs_find(struct capture_vifs *v, uint16_t id)
{
	return &v->vif[id < VIF_ID_MAX ? id : VIF_ID_NONE];
}

bool capture_vifs_may_refresh(struct capture_vifs *v, uint16_t id)
{
	uint64_t now = clock_now_ns();

	if (capture_vifs_find(v, id)->name[0])
		return false;
	if (v->refreshed_ns && now - v->refreshed_ns < REFRESH_NS)
		return false;
	v->refreshed_ns = now;
	return true;
}

void capture_vifs_name(const struct capture_vifs *v, struct capture_vif *vif)
{
	if (!vif->name[0])
		snprintf(vif->name, sizeof(vif->name), "vif-id-%td", vif - v->vif);
}
