/* SPDX-License-Identifier: Apache-2.0 */
/* schema_vif.c - JSON to struct vif_cfg and back, and the names of the enums.
 *
 * From: rpc_vif.c (verbs), store.c (rows).  To: model.c.
 * Theory: a setter per key; when all are in, device names that were left out become the vif's.
 * Invariants: a tap has .dev, a host vif has .ifname; is_down is the reverse of the key link.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STP_PORT_PRIORITY_DEFAULT 128 /* IEEE 802.1D-2004 table 17-2 */

/* The cfg and where the network's name is looked up. */
struct stage {
	struct vif_cfg *cfg;
	const struct model *model;
};

static struct vif_cfg *vif_of(void *cfg)
{
	return ((struct stage *)cfg)->cfg;
}

static int set_network(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct stage *s = cfg;
	const struct network_cfg *n;

	if (!v) {
		s->cfg->network_id = NETWORK_ID_NONE;
		return 0;
	}
	n = model_network(s->model, v->text);
	if (!n)
		return err_set(e, -ENOENT, path,
			"there is no network %s: 'saklar network list' names them, 'saklar network "
			"add "
			"%s' makes it",
			v->text, v->text);
	s->cfg->network_id = n->id;
	return 0;
}

static int set_type(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (!v)
		return err_set(e, -EINVAL, path,
			"a vif needs a type: tap, netdev, host, netfront or vhost-user");
	/* the values of the row are in the order of the enum */
	vif_of(cfg)->type = (enum vif_type)(v->index + VIF_TYPE_TAP);
	return 0;
}

static int set_dev(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	snprintf(vif_of(cfg)->dev, SAKLAR_NAME_LEN, "%s", v ? v->text : "");
	return 0;
}

static int set_netns(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	bool is_path = v && v->text[0] == '/';

	if (v && !is_path && (strchr(v->text, '/') || v->text[0] == '.'))
		return err_set(e, -EINVAL, path,
			"netns: write the name of a namespace of ip-netns, or an absolute path "
			"such as "
			"/proc/1234/ns/net");
	snprintf(vif_of(cfg)->netns, NETNS_PATH_LEN, "%s", v ? v->text : "");
	return 0;
}

static int set_ifname(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	snprintf(vif_of(cfg)->ifname, SAKLAR_NAME_LEN, "%s", v ? v->text : "");
	return 0;
}

static int set_mac(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	struct vif_cfg *vif = vif_of(cfg);

	vif->has_mac = v != NULL;
	vif->mac = v ? v->mac : (struct mac){ 0 };
	return 0;
}

static int set_mtu(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->mtu = v ? (uint16_t)v->number : 0;
	return 0;
}

static int set_link(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_down = v && !v->is_on;
	return 0;
}

static int set_owner(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->has_owner = v != NULL;
	vif_of(cfg)->owner_uid = v ? v->number : 0;
	return 0;
}

static int set_socket(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (v && v->text[0] != '/')
		return err_set(e, -EINVAL, path,
			"socket: write an absolute path, such as /run/vms/web0.sock");
	snprintf(vif_of(cfg)->socket, SOCKET_PATH_LEN, "%s", v ? v->text : "");
	return 0;
}

static int set_client(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_client = v && v->is_on;
	return 0;
}

static int set_socket_group(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->has_socket_group = v != NULL;
	vif_of(cfg)->socket_gid = v ? v->number : 0;
	return 0;
}

static int set_socket_mode(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	uint16_t mode = 0;

	for (const char *c = v ? v->text : ""; *c; c++) {
		if (*c < '0' || *c > '7')
			mode = 010000;
		mode = (uint16_t)(mode << 3 | (unsigned)(*c & 7));
	}
	if (v && (mode == 0 || mode > 0777))
		return err_set(e, -EINVAL, path,
			"socket_mode: write three octal digits, such as 660 for owner and group");
	vif_of(cfg)->socket_mode = mode;
	return 0;
}

static int set_require_sealed(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->must_be_sealed = v && v->is_on;
	return 0;
}

static int set_queues(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->queues = v ? (uint8_t)v->number : 1;
	return 0;
}

static int set_neigh_suppress(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_neigh_suppressed = v && v->is_on;
	return 0;
}

static int set_role(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_uplink = v && v->index == 1;
	return 0;
}

static int set_isolated(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_isolated = v && v->is_on;
	return 0;
}

static int set_learning(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->no_learning = v && !v->is_on;
	return 0;
}

static int set_flood(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->no_flood = v && !v->is_on;
	return 0;
}

static int set_mcast_flood(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->no_mcast_flood = v && !v->is_on;
	return 0;
}

static int set_bcast_flood(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->no_bcast_flood = v && !v->is_on;
	return 0;
}

static int set_hairpin(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_hairpin = v && v->is_on;
	return 0;
}

static int set_fdb_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->fdb_limit = v ? v->number : 0;
	return 0;
}

static int set_connection_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->connection_limit = v ? v->number : 0;
	return 0;
}

static int set_half_open_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->half_open_limit = v ? v->number : 0;
	return 0;
}

static int set_unresolved_limit(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->unresolved_limit = v ? (uint16_t)v->number : 0;
	return 0;
}

static int set_profile(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->has_profile = v != NULL;
	vif_of(cfg)->profile = v ? (enum network_profile)v->index : PROFILE_PLAIN;
	return 0;
}

static int set_rate(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	return rate_text_parse(v ? v->text : "off", path, &vif_of(cfg)->rate, e);
}

static int set_vlan(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct vif_cfg *vif = vif_of(cfg);

	memset(&vif->vlan, 0, sizeof(vif->vlan));
	return v ? vlan_list_parse(v->text, path, &vif->vlan, e) : 0;
}

static int set_guard(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct guard_cfg *g = &vif_of(cfg)->guard;

	if (v)
		return guard_text_parse(v->text, path, g, e);
	*g = (struct guard_cfg){ 0 };
	return 0;
}

static int set_storm_class(void *cfg, enum storm_class c, const struct schema_value *v,
	const char *path, struct err *e)
{
	struct storm_limit *l = &vif_of(cfg)->storm[c];

	if (v)
		return storm_text_parse(v->text, path, l, e);
	*l = (struct storm_limit){ 0 };
	return 0;
}

static int set_storm(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	return set_storm_class(cfg, STORM_ALL, v, path, e);
}

static int set_storm_unicast(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	return set_storm_class(cfg, STORM_UNICAST, v, path, e);
}

static int set_storm_broadcast(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	return set_storm_class(cfg, STORM_BROADCAST, v, path, e);
}

static int set_storm_multicast(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	return set_storm_class(cfg, STORM_MULTICAST, v, path, e);
}

#define SET_MULTICAST(name)                                                                  \
	static int set_multicast_##name(                                                     \
		void *cfg, const struct schema_value *v, const char *path, struct err *e)    \
	{                                                                                    \
		return schema_set_multicast_vif(&vif_of(cfg)->multicast, #name, v, path, e); \
	}
SET_MULTICAST(router)
SET_MULTICAST(fast_leave)
SET_MULTICAST(limit)
SET_MULTICAST(rate)
SET_MULTICAST(groups)
static int add_fdb(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct vif_cfg *vif = vif_of(cfg);

	if (v)
		return fdb_list_add(&vif->fdb, v->text, path, e);
	memset(&vif->fdb, 0, sizeof(vif->fdb));
	return 0;
}

static int add_mirror(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct vif_cfg *vif = vif_of(cfg);

	if (v)
		return mirror_list_add(&vif->mirror, v->text, path, e);
	memset(&vif->mirror, 0, sizeof(vif->mirror));
	return 0;
}

static int set_locked(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->is_locked = v && v->is_on;
	return 0;
}

static int set_group_fwd_mask(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (v && (v->number & 2) != 0)
		return err_set(e, -EINVAL, path,
			"group_fwd_mask: bit 1 is for pause frames, which no bridge passes on: "
			"leave 2 out of the sum");
	vif_of(cfg)->group_fwd_mask = v ? (uint16_t)v->number : 0;
	return 0;
}

static int set_stp_priority(
	void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (v && v->number % 16 != 0)
		return err_set(e, -EINVAL, path,
			"stp_priority: write a multiple of 16 from 0 to 240, such as %u",
			v->number / 16 * 16);
	vif_of(cfg)->stp.priority = v ? (uint8_t)v->number : STP_PORT_PRIORITY_DEFAULT;
	return 0;
}

static int set_stp_cost(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->stp.cost = v ? v->number : 0;
	return 0;
}

static int set_stp_edge(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->stp.edge = v ? (enum stp_edge)v->index : STP_EDGE_AUTO;
	return 0;
}

static int set_bpdu_guard(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->stp.has_bpdu_guard = v && v->is_on;
	return 0;
}

static int set_root_guard(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->stp.has_root_guard = v && v->is_on;
	return 0;
}

static int set_loop_protect(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	vif_of(cfg)->stp.loop_protect = v ? (enum loop_protect)v->index : LOOP_PROTECT_AUTO;
	return 0;
}

static const struct schema_setter setters[] = {
	{ "network", set_network },
	{ "type", set_type },
	{ "dev", set_dev },
	{ "netns", set_netns },
	{ "ifname", set_ifname },
	{ "mac", set_mac },
	{ "mtu", set_mtu },
	{ "link", set_link },
	{ "owner", set_owner },
	{ "socket", set_socket },
	{ "client", set_client },
	{ "socket_group", set_socket_group },
	{ "socket_mode", set_socket_mode },
	{ "require_sealed", set_require_sealed },
	{ "queues", set_queues },
	{ "role", set_role },
	{ "isolated", set_isolated },
	{ "neigh_suppress", set_neigh_suppress },
	{ "learning", set_learning },
	{ "flood", set_flood },
	{ "mcast_flood", set_mcast_flood },
	{ "bcast_flood", set_bcast_flood },
	{ "hairpin", set_hairpin },
	{ "fdb_limit", set_fdb_limit },
	{ "connection_limit", set_connection_limit },
	{ "half_open_limit", set_half_open_limit },
	{ "unresolved_limit", set_unresolved_limit },
	{ "profile", set_profile },
	{ "stp_priority", set_stp_priority },
	{ "stp_cost", set_stp_cost },
	{ "stp_edge", set_stp_edge },
	{ "bpdu_guard", set_bpdu_guard },
	{ "root_guard", set_root_guard },
	{ "loop_protect", set_loop_protect },
	{ "rate", set_rate },
	{ "vlan", set_vlan },
	{ "guard", set_guard },
	{ "storm", set_storm },
	{ "storm_unicast", set_storm_unicast },
	{ "storm_broadcast", set_storm_broadcast },
	{ "storm_multicast", set_storm_multicast },
	{ "multicast_router", set_multicast_router },
	{ "multicast_fast_leave", set_multicast_fast_leave },
	{ "multicast_limit", set_multicast_limit },
	{ "multicast_rate", set_multicast_rate },
	{ "multicast_groups", set_multicast_groups },
	{ "fdb", add_fdb },
	{ "mirror", add_mirror },
	{ "locked", set_locked },
	{ "group_fwd_mask", set_group_fwd_mask },
};

static void finish(struct vif_cfg *v)
{
	if (v->queues == 0 && v->type != VIF_TYPE_NETFRONT)
		v->queues = 1;
	if ((v->type == VIF_TYPE_TAP || v->type == VIF_TYPE_NETFRONT) && !v->dev[0])
		memcpy(v->dev, v->name, sizeof(v->dev));
	if (v->type == VIF_TYPE_HOST && !v->ifname[0])
		memcpy(v->ifname, v->name, sizeof(v->ifname));
}

int schema_parse_vif(const json_t *params, enum schema_verb verb, const struct model *m,
	struct vif_cfg *out, struct err *e)
{
	struct stage s = { .cfg = out, .model = m };
	struct schema_walk walk = { .object = &schema_vif,
		.setter = setters,
		.n_setters = ARRAY_LEN(setters),
		.verb = verb,
		.name = out->name };
	char name[SAKLAR_NAME_LEN];
	int rc = schema_walk_name(&schema_vif, params, name, e);

	if (rc != 0)
		return rc;
	memcpy(out->name, name, sizeof(name));
	if (verb != SCHEMA_SET) {
		out->queues = 0;
		out->stp.priority = STP_PORT_PRIORITY_DEFAULT;
	}
	rc = schema_walk(&walk, params, &s, e);
	if (rc == 0)
		finish(out);
	return rc;
}

/* The setting with @key when @text holds something. */
static void print_text(json_t *json, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(json, key, json_string(text));
}

static void print_flags(const struct vif_cfg *v, json_t *json)
{
	json_object_set_new(json, "link", json_boolean(!v->is_down));
	json_object_set_new(json, "role", json_string(v->is_uplink ? "uplink" : "guest"));
	json_object_set_new(json, "isolated", json_boolean(v->is_isolated));
	json_object_set_new(json, "neigh_suppress", json_boolean(v->is_neigh_suppressed));
	json_object_set_new(json, "learning", json_boolean(!v->no_learning));
	json_object_set_new(json, "flood", json_boolean(!v->no_flood));
	json_object_set_new(json, "mcast_flood", json_boolean(!v->no_mcast_flood));
	json_object_set_new(json, "bcast_flood", json_boolean(!v->no_bcast_flood));
	json_object_set_new(json, "hairpin", json_boolean(v->is_hairpin));
	json_object_set_new(json, "locked", json_boolean(v->is_locked));
	json_object_set_new(json, "bpdu_guard", json_boolean(v->stp.has_bpdu_guard));
	json_object_set_new(json, "root_guard", json_boolean(v->stp.has_root_guard));
	json_object_set_new(json, "stp_priority", json_integer(v->stp.priority));
	json_object_set_new(json, "stp_cost", json_integer(v->stp.cost));
	print_text(json, "stp_edge", schema_edge_name(v->stp.edge));
	print_text(json, "loop_protect", schema_loop_protect_name(v->stp.loop_protect));
}

static void print_storm(const struct vif_cfg *v, json_t *json)
{
	static const char *const keys[STORM_CLASSES]
		= { "storm", "storm_unicast", "storm_broadcast", "storm_multicast" };
	char text[STORM_TEXT_LEN];

	for (unsigned i = 0; i < STORM_CLASSES; i++)
		print_text(json, keys[i], storm_text_print(&v->storm[i], text));
}

static void print_socket(const struct vif_cfg *v, json_t *json)
{
	char mode[8];

	print_text(json, "socket", v->socket);
	if (v->type == VIF_TYPE_VHOST) {
		json_object_set_new(json, "client", json_boolean(v->is_client));
		json_object_set_new(json, "require_sealed", json_boolean(v->must_be_sealed));
	}
	if (v->has_socket_group)
		json_object_set_new(json, "socket_group", json_integer(v->socket_gid));
	snprintf(mode, sizeof(mode), "%04o", v->socket_mode);
	if (v->socket_mode != 0)
		json_object_set_new(json, "socket_mode", json_string(mode));
}

json_t *schema_print_vif(const struct vif_cfg *v, const struct model *m)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	json_t *json = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:i}", "name", v->name, "type",
		schema_type_name(v->type), "queues", (int)v->queues, "fdb_limit",
		(json_int_t)v->fdb_limit, "connection_limit", (json_int_t)v->connection_limit,
		"half_open_limit", (json_int_t)v->half_open_limit, "unresolved_limit",
		(int)v->unresolved_limit);
	char mac[MAC_STR_LEN], rate[RATE_TEXT_LEN], vlan[VLAN_TEXT_LEN], guard[GUARD_TEXT_LEN];
	char fdb[FDB_TEXT_LEN], mirror[MIRROR_TEXT_LEN];

	if (!json)
		return NULL;
	if (v->queues == 0) /* a netfront's: as many as there are processors */
		json_object_del(json, "queues");
	if (n)
		json_object_set_new(json, "network", json_string(n->name));
	print_text(json, "dev", v->dev);
	print_text(json, "netns", v->netns);
	print_text(json, "ifname", v->ifname);
	if (v->has_mac)
		print_text(json, "mac", mac_print(&v->mac, mac));
	if (v->mtu != 0)
		json_object_set_new(json, "mtu", json_integer(v->mtu));
	if (v->has_owner)
		json_object_set_new(json, "owner", json_integer(v->owner_uid));
	print_socket(v, json);
	if (v->has_profile)
		print_text(json, "profile", schema_profile_name(v->profile));
	print_text(json, "rate", rate_text_print(&v->rate, rate));
	print_text(json, "vlan", vlan_list_print(&v->vlan, vlan));
	print_text(json, "guard", guard_text_print(&v->guard, guard));
	print_storm(v, json);
	json_object_set_new(json, "fdb", json_array());
	for (unsigned i = 0; i < v->fdb.n; i++)
		json_array_append_new(json_object_get(json, "fdb"),
			json_string(fdb_list_print(&v->fdb.item[i], fdb)));
	json_object_set_new(json, "mirror", json_array());
	for (unsigned i = 0; i < v->mirror.n; i++)
		json_array_append_new(json_object_get(json, "mirror"),
			json_string(mirror_list_print(&v->mirror.item[i], mirror)));
	json_object_set_new(json, "group_fwd_mask", json_integer(v->group_fwd_mask));
	print_flags(v, json);
	schema_print_multicast_vif(&v->multicast, json);
	return json;
}

static const char *value_name(const struct schema_object *o, const char *key, unsigned index)
{
	const struct schema_field *f = schema_field(o, key);

	for (unsigned i = 0; f->values[i]; i++)
		if (i == index)
			return f->values[i];
	return "none";
}

const char *schema_mode_name(enum network_mode m)
{
	return value_name(&schema_network, "mode", (unsigned)m - NETWORK_MODE_BRIDGE);
}

const char *schema_stp_name(enum stp_mode m)
{
	return value_name(&schema_network, "stp", (unsigned)m);
}

const char *schema_loop_protect_name(enum loop_protect p)
{
	return value_name(&schema_vif, "loop_protect", (unsigned)p);
}

const char *schema_edge_name(enum stp_edge edge)
{
	return value_name(&schema_vif, "stp_edge", (unsigned)edge);
}

const char *schema_profile_name(enum network_profile p)
{
	return value_name(&schema_network, "profile", (unsigned)p);
}

const char *schema_filtering_name(uint8_t mode)
{
	return value_name(&schema_network, "vlan_filtering", mode);
}

const char *schema_type_name(enum vif_type t)
{
	if (t == VIF_TYPE_MEM)
		return "mem";
	return value_name(&schema_vif, "type", (unsigned)t - VIF_TYPE_TAP);
}

static json_t *print_field(const struct schema_field *f)
{
	static const char *const kinds[] = { "string", "name", "enum", "number", "bool", "mac",
		"ip", "subnet", "range", "dhcp_host", "route", "pair" };
	json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "key", f->key, "kind",
		kinds[f->kind], "doc", f->doc, "list", !!(f->flags & FIELD_LIST), "required",
		!!(f->flags & FIELD_REQUIRED), "fixed", !!(f->flags & FIELD_FIXED));

	if (!json)
		return NULL;
	if (f->kind == FIELD_U32) {
		json_object_set_new(json, "min", json_integer(f->min));
		json_object_set_new(json, "max", json_integer(f->max));
	}
	if (f->def)
		json_object_set_new(json, "default", json_string(f->def));
	if (f->later)
		json_object_set_new(json, "later", json_string(f->later));
	if (f->values)
		json_object_set_new(json, "values", json_array());
	for (const char *const *v = f->values; v && *v; v++)
		json_array_append_new(json_object_get(json, "values"), json_string(*v));
	return json;
}

json_t *schema_print_object(const struct schema_object *o)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < o->n_fields; i++)
		if (!(o->field[i].flags & FIELD_NEGATED))
			json_array_append_new(json, print_field(&o->field[i]));
	return json;
}
