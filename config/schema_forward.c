/* SPDX-License-Identifier: Apache-2.0 */
/* schema_forward.c - JSON to struct forward_cfg and back.
 *
 * From: rpc_forward.c (verbs), store.c (rows).  To: model.c.
 * Theory: a forward has no name of its own; network, protocol and port say which one it is.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

struct stage {
	struct forward_cfg *cfg;
	const struct model *model;
	bool has_address;
};

static struct forward_cfg *forward_of(void *cfg)
{
	return ((struct stage *)cfg)->cfg;
}

static int set_network(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct stage *s = cfg;
	const struct network_cfg *n = v ? model_network(s->model, v->text) : NULL;

	if (!v)
		return err_set(e, -EINVAL, path, "a forward needs a network: name one of mode nat");
	if (!n)
		return err_set(e, -ENOENT, path,
			"there is no network %s: 'saklar network list' names them", v->text);
	s->cfg->network_id = n->id;
	return 0;
}

static int set_proto(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (!v)
		return err_set(e, -EINVAL, path, "a forward needs a protocol: tcp or udp");
	forward_of(cfg)->proto = v->index == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	return 0;
}

static int set_port(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (!v)
		return err_set(e, -EINVAL, path, "a forward needs a port from 1 to 65535");
	forward_of(cfg)->port = (uint16_t)v->number;
	return 0;
}

static int set_last_port(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	forward_of(cfg)->last_port = v ? (uint16_t)v->number : 0;
	return 0;
}

static int set_address(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	if (!v)
		return err_set(e, -EINVAL, path, "a forward needs the address of a guest");
	((struct stage *)cfg)->has_address = true;
	forward_of(cfg)->address = v->ip;
	return 0;
}

static int set_vif(void *cfg, const struct schema_value *v, const char *path, struct err *e)
{
	struct stage *s = cfg;
	const struct vif_cfg *vif = v ? model_vif(s->model, v->text) : NULL;

	if (v && !vif)
		return err_set(e, -ENOENT, path, "there is no vif %s: 'saklar vif list' names them",
			v->text);
	s->cfg->vif_id = vif ? vif->id : VIF_ID_NONE;
	return 0;
}

static int set_target_port(void *cfg, const struct schema_value *v, const char *, struct err *)
{
	forward_of(cfg)->target_port = v ? (uint16_t)v->number : 0;
	return 0;
}

static const struct schema_setter setters[] = {
	{ "network", set_network },
	{ "proto", set_proto },
	{ "port", set_port },
	{ "last_port", set_last_port },
	{ "address", set_address },
	{ "vif", set_vif },
	{ "target_port", set_target_port },
};

const char *schema_proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "?";
}

/* Who it leads to: one way of saying it. */
static int match_guest(struct stage *s, enum schema_verb verb, const char *name, struct err *e)
{
	char path[80];

	snprintf(path, sizeof(path), "forward.%s.address", name);
	if (s->has_address && s->cfg->vif_id != VIF_ID_NONE)
		return err_set(e, -EINVAL, path,
			"a forward leads to an address or to a vif: leave one of them out");
	if (verb == SCHEMA_ADD && !s->has_address && s->cfg->vif_id == VIF_ID_NONE)
		return err_set(
			e, -EINVAL, path, "a forward needs a guest: name its address, or its vif");
	if (s->cfg->vif_id != VIF_ID_NONE)
		s->cfg->address = (struct ipaddr){ .b = { [10] = 0xff, [11] = 0xff } };
	return 0;
}

int schema_parse_forward(const json_t *params, enum schema_verb verb, const struct model *m,
	struct forward_cfg *out, struct err *e)
{
	struct stage s = { .cfg = out, .model = m };
	char name[48] = "";
	struct schema_walk walk = { .object = &schema_forward,
		.setter = setters,
		.n_setters = ARRAY_LEN(setters),
		.verb = verb,
		.name = name };
	const json_t *port = json_object_get(params, "port");
	const char *proto = json_string_value(json_object_get(params, "proto"));
	const char *network = json_string_value(json_object_get(params, "network"));
	int rc;

	if (!json_is_object(params))
		return err_set(e, -EINVAL, "forward",
			"params must be an object with the forward's fields");
	snprintf(name, sizeof(name), "%.15s.%.8s/%lld", network ? network : "?",
		proto ? proto : "?", (long long)json_integer_value(port));
	rc = schema_walk(&walk, params, &s, e);
	if (rc == 0)
		rc = match_guest(&s, verb, name, e);
	if (rc == 0 && out->target_port == 0)
		out->target_port = out->port;
	if (rc == 0 && out->last_port == 0)
		out->last_port = out->port;
	return rc;
}

json_t *schema_print_forward(const struct forward_cfg *f, const struct model *m)
{
	const struct network_cfg *n = model_network_by_id(m, f->network_id);
	const struct vif_cfg *v = model_vif_by_id(m, f->vif_id);
	char text[IP_STR_LEN];
	json_t *json = json_pack("{s:s, s:s, s:i, s:s, s:i}", "network", n ? n->name : "?", "proto",
		schema_proto_name(f->proto), "port", (int)f->port, v ? "vif" : "address",
		v ? v->name : ip_print(&f->address, text), "target_port", (int)f->target_port);

	if (json && f->last_port > f->port)
		json_object_set_new(json, "last_port", json_integer(f->last_port));
	return json;
}
