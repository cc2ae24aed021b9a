/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - the whole desired state as one JSON object, there and back.
 *
 * From: rpc_apply.c.  To: schema_*.c (items), settle.c, model.c.
 * Theory: a document is read into a copy of the present model: new objects come first, while the
 * old ones still hold their ids, so that an id is not given to another object at once; only when
 * there is no room for both do deletions come first.  Defaults are left out of a printed document
 * by trial: a key that the parser gives back by itself is not printed.
 * Invariants: the present model is not changed; names are unique in each list.
 * Thread: the daemon has one. */
#include "config/document.h"

#include "config/schema_parse.h"
#include "config/settle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN sizeof(((struct err *)NULL)->path)

struct list {
	const char *key;
	const struct schema_object *object;
};
static const struct list networks = { "networks", &schema_network };
static const struct list vifs = { "vifs", &schema_vif };
static const struct list forwards = { "forwards", &schema_forward };

/* A document being read. */
struct reading {
	const json_t *document;
	const struct model *before;
	struct model *next;
	struct err *e;
};

static const json_t *items_of(const json_t *document, const struct list *l)
{
	return json_object_get(document, l->key);
}

/* Does @item have the name, or for forwards network, protocol and port, that @word begins with?  Length of
 * that, 0 when not. */
static size_t matches(const json_t *item, const char *word)
{
	const char *name = json_string_value(json_object_get(item, "name"));
	const char *network = json_string_value(json_object_get(item, "network"));
	const char *proto = json_string_value(json_object_get(item, "proto"));
	char text[48];
	size_t len;

	if (!name) {
		snprintf(text, sizeof(text), "%.15s.%.8s/%lld", network ? network : "?",
			proto ? proto : "?",
			(long long)json_integer_value(json_object_get(item, "port")));
		name = text;
	}
	len = name ? strlen(name) : 0;
	if (len == 0 || strncmp(word, name, len) != 0 || (word[len] != '.' && word[len] != '\0'))
		return 0;
	return len;
}

/* "lab.subnets[0]" -> "networks[2].subnets[0]", when a network of the document has that name. */
static bool locate(const json_t *document, const struct list *l, const char *word, struct err *e)
{
	const json_t *item;
	char path[PATH_LEN];
	size_t best = 0, at = 0, i;

	json_array_foreach(items_of(document, l), i, item)
	{
		size_t len = matches(item, word);

		if (len > best) { /* names may hold dots: the longest one is meant */
			best = len;
			at = i;
		}
	}
	if (best == 0)
		return false;
	snprintf(path, sizeof(path), "%s[%zu]%.40s", l->key, at, word + best);
	memcpy(e->path, path, sizeof(path));
	return true;
}

void document_locate(const json_t *document, struct err *e)
{
	static const struct list *const lists[] = { &networks, &vifs, &forwards };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		size_t len = strlen(lists[i]->object->name);

		if (strncmp(e->path, lists[i]->object->name, len) == 0 && e->path[len] == '.'
			&& locate(document, lists[i], e->path + len + 1, e))
			return;
	}
}

/* The path of an error that came up while item @i was read: its name, as far as it has one that is
 * right, stands for the index. */
static int refuse_item(const struct list *l, size_t i, const json_t *item, int rc, struct err *e)
{
	size_t len = strlen(l->object->name);
	const char *rest = e->path;
	char path[PATH_LEN];

	if (strncmp(rest, l->object->name, len) == 0)
		rest += len;
	if (rest[0] == '.' && matches(item, rest + 1) > 0)
		rest += 1 + matches(item, rest + 1);
	snprintf(path, sizeof(path), "%s[%zu]%.40s", l->key, i, rest);
	memcpy(e->path, path, sizeof(path));
	return rc;
}

/* Every item must be an object, and have a name that no other one has. */
static int check_names(const struct list *l, const json_t *document, struct err *e)
{
	const json_t *items = items_of(document, l);
	const json_t *item;
	json_t *seen = json_object();
	size_t i;
	int rc = 0;

	if (items && !json_is_array(items))
		rc = err_set(e, -EINVAL, l->key, "%s must be a list of %ss, such as [ { ... } ]",
			l->key, l->object->name);
	json_array_foreach(items, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const json_t *other = name ? json_object_get(seen, name) : NULL;

		if (rc != 0)
			break;
		if (!json_is_object(item))
			rc = refuse_item(l, i, item,
				err_set(e, -EINVAL, "", "write an object with the fields of a %s",
					l->object->name),
				e);
		else if (other)
			rc = refuse_item(l, i, item,
				err_set(e, -EEXIST, ".name",
					"%.20s is the name of %s[%lld] already: choose another",
					name, l->key, (long long)json_integer_value(other)),
				e);
		else if (name)
			json_object_set_new(seen, name, json_integer((json_int_t)i));
	}
	json_decref(seen);
	return rc;
}

static int check_shape(const json_t *document, struct err *e)
{
	const char *key;
	json_t *value;
	int rc;

	if (json_object_size(document) == 0)
		return err_set(e, -EINVAL, "",
			"the document is empty: write 'networks: []' to delete everything");
	json_object_foreach((json_t *)(uintptr_t)document, key, value)
	{
		if (strcmp(key, networks.key) != 0 && strcmp(key, vifs.key) != 0
			&& strcmp(key, forwards.key) != 0)
			return err_set(e, -EINVAL, key,
				"'%.40s' is unknown here: write networks, vifs and forwards", key);
	}
	rc = check_names(&networks, document, e);
	if (rc == 0)
		rc = check_names(&vifs, document, e);
	return rc == 0 ? check_names(&forwards, document, e) : rc;
}

static bool is_listed(const json_t *document, const struct list *l, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items_of(document, l), i, item)
	{
		const char *other = json_string_value(json_object_get(item, "name"));

		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

static int put_network(const struct reading *r, const json_t *item)
{
	struct network_cfg n = { 0 };
	const struct network_cfg *old = NULL;
	int rc = schema_parse_network(item, SCHEMA_ADD, &n, r->e);

	if (rc == 0) {
		old = model_network(r->before, n.name);
		rc = old ? 0 : model_next_network_id(r->next, &n.id, r->e);
	}
	if (rc == 0 && old)
		settle_keep_network(&n, old);
	if (rc == 0)
		rc = settle_network(r->next, &n, r->e);
	if (rc == 0 && old)
		model_del_network(r->next, n.id);
	if (rc == 0)
		rc = model_add_network(r->next, &n, r->e);
	network_cfg_fini(&n);
	return rc;
}

/* Does @v differ from @old in a field that cannot be changed? */
static bool is_another(const struct vif_cfg *v, const struct vif_cfg *old, const struct model *m)
{
	json_t *a = schema_print_vif(v, m);
	json_t *b = schema_print_vif(old, m);
	bool differs = false;

	for (size_t i = 0; i < schema_vif.n_fields; i++) {
		const struct schema_field *f = &schema_vif.field[i];
		const json_t *mine = json_object_get(a, f->key);
		const json_t *theirs = json_object_get(b, f->key);

		if ((f->flags & FIELD_FIXED) && (mine || theirs) && !json_equal(mine, theirs))
			differs = true;
	}
	json_decref(a);
	json_decref(b);
	return differs;
}

static int put_vif(const struct reading *r, const json_t *item)
{
	const char *network = json_string_value(json_object_get(item, "network"));
	struct vif_cfg v = { 0 };
	const struct vif_cfg *old;
	int rc;

	if (network && !is_listed(r->document, &networks, network))
		return err_set(r->e, -ENOENT, ".network",
			"there is no network %.20s in this document: add it to networks, or name "
			"one that is there",
			network);
	rc = schema_parse_vif(item, SCHEMA_ADD, r->next, &v, r->e);
	if (rc != 0)
		return rc;
	old = model_vif(r->before, v.name);
	if (old && !v.has_mac && v.type != VIF_TYPE_NETDEV && v.type != VIF_TYPE_NETFRONT) {
		v.has_mac = old->has_mac;
		v.mac = old->mac;
	}
	if (old && !is_another(&v, old, r->next))
		v.id = old->id;
	else
		rc = model_next_vif_id(r->next, &v.id, r->e);
	if (rc != 0)
		return rc;
	settle_vif(r->next, item, true, &v);
	if (old)
		model_del_vif(r->next, old->id);
	return model_add_vif(r->next, &v, r->e);
}

static int put_forward(const struct reading *r, const json_t *item)
{
	struct forward_cfg f = { 0 };
	int rc = schema_parse_forward(item, SCHEMA_ADD, r->next, &f, r->e);

	return rc == 0 ? model_add_forward(r->next, &f, r->e) : rc;
}

static int put_all(const struct reading *r, const struct list *l,
	int (*put)(const struct reading *r, const json_t *item))
{
	const json_t *item;
	size_t i;

	json_array_foreach(items_of(r->document, l), i, item)
	{
		int rc = put(r, item);

		if (rc != 0)
			return refuse_item(l, i, item, rc, r->e);
	}
	return 0;
}

static void delete_networks(const struct reading *r)
{
	for (unsigned i = r->next->n_networks; i-- > 0;)
		if (!is_listed(r->document, &networks, r->next->network[i].name))
			model_del_network(r->next, r->next->network[i].id);
}

static void delete_vifs(const struct reading *r)
{
	for (unsigned i = r->next->n_vifs; i-- > 0;)
		if (!is_listed(r->document, &vifs, r->next->vif[i].name))
			model_del_vif(r->next, r->next->vif[i].id);
}

static struct model *read_document(
	const json_t *document, const struct model *before, bool deletes_first, struct err *e)
{
	struct reading r
		= { .document = document, .before = before, .next = model_copy(before), .e = e };
	int rc;

	if (!r.next) {
		(void)err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	if (deletes_first) {
		delete_networks(&r);
		delete_vifs(&r);
	}
	r.next->n_forwards = 0;
	rc = put_all(&r, &networks, put_network);
	delete_networks(&r);
	if (rc == 0)
		rc = put_all(&r, &vifs, put_vif);
	delete_vifs(&r);
	if (rc == 0)
		rc = put_all(&r, &forwards, put_forward);
	if (rc == 0) {
		rc = model_check(r.next, e);
		document_locate(document, e);
	}
	if (rc == 0)
		return r.next;
	model_destroy(r.next);
	return NULL;
}

struct model *document_parse(const json_t *document, const struct model *before, struct err *e)
{
	struct model *m;

	if (check_shape(document, e) != 0)
		return NULL;
	m = read_document(document, before, false, e);
	if (m || e->code != -E2BIG)
		return m;
	*e = ERR_NONE; /* no room for the old and the new ones at once */
	return read_document(document, before, true, e);
}

/* What the parser makes of @item, printed whole. */
static json_t *again_network(const json_t *item, const struct model *)
{
	struct network_cfg n = { 0 };
	struct err e = ERR_NONE;
	json_t *json = NULL;

	if (schema_parse_network(item, SCHEMA_ADD, &n, &e) == 0)
		json = schema_print_network(&n);
	network_cfg_fini(&n);
	return json;
}

static json_t *again_vif(const json_t *item, const struct model *m)
{
	struct vif_cfg v = { 0 };
	struct err e = ERR_NONE;

	if (schema_parse_vif(item, SCHEMA_ADD, m, &v, &e) != 0)
		return NULL;
	settle_vif(m, item, true, &v);
	return schema_print_vif(&v, m);
}

static json_t *again_forward(const json_t *item, const struct model *m)
{
	struct forward_cfg f = { 0 };
	struct err e = ERR_NONE;

	return schema_parse_forward(item, SCHEMA_ADD, m, &f, &e) == 0 ? schema_print_forward(&f, m)
								      : NULL;
}

/* Take out of @item, which is @full at first, what the parser gives back by itself. */
static void leave_out(const struct schema_object *o, json_t *item, const json_t *full,
	const struct model *m, json_t *(*again)(const json_t *item, const struct model *m))
{
	for (size_t i = 0; i < o->n_fields; i++) {
		const struct schema_field *f = &o->field[i];
		json_t *value = json_incref(json_object_get(item, f->key));
		json_t *without;

		if (!value || (f->flags & FIELD_REQUIRED)) {
			json_decref(value);
			continue;
		}
		json_object_del(item, f->key);
		without = again(item, m);
		if (!without || !json_equal(without, full))
			json_object_set(item, f->key, value);
		json_decref(without);
		json_decref(value);
	}
}

/* @full (consumed) without defaults, keys in the schema's order. */
static json_t *print_item(const struct schema_object *o, json_t *full, const struct model *m,
	json_t *(*again)(const json_t *item, const struct model *m))
{
	/* of hundreds of elements, and nothing else depends on it */
	json_t *hosts = json_incref(json_object_get(full, "dhcp_hosts"));
	json_t *item = json_object();
	json_t *rest;

	if (hosts)
		json_object_set_new(full, "dhcp_hosts", json_array());
	rest = json_copy(full);
	leave_out(o, rest, full, m, again);
	if (json_array_size(hosts) > 0)
		json_object_set(rest, "dhcp_hosts", hosts);
	for (size_t i = 0; i < o->n_fields; i++) {
		json_t *value = json_object_get(rest, o->field[i].key);

		if (value)
			json_object_set(item, o->field[i].key, value);
	}
	json_decref(hosts);
	json_decref(rest);
	json_decref(full);
	return item;
}

static void print_forwards(const struct model *m, uint16_t network_id, json_t *list)
{
	for (unsigned i = 0; i < m->n_forwards; i++)
		if (m->forward[i].network_id == network_id)
			json_array_append_new(list,
				print_item(&schema_forward, schema_print_forward(&m->forward[i], m),
					m, again_forward));
}

json_t *document_print(const struct model *m)
{
	json_t *document = json_pack("{s:[], s:[], s:[]}", networks.key, vifs.key, forwards.key);

	for (unsigned i = 0; i < m->n_networks; i++)
		json_array_append_new(json_object_get(document, networks.key),
			print_item(&schema_network, schema_print_network(&m->network[i]), m,
				again_network));
	for (unsigned i = 0; i < m->n_vifs; i++)
		json_array_append_new(json_object_get(document, vifs.key),
			print_item(&schema_vif, schema_print_vif(&m->vif[i], m), m, again_vif));
	for (unsigned i = 0; i < m->n_networks; i++) /* in the order of names, not of ids */
		print_forwards(m, m->network[i].id, json_object_get(document, forwards.key));
	return document;
}
