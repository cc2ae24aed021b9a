/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - the desired state: copy, find, insert in order, remove.
 *
 * From: rpc_network.c and rpc_vif.c (on a copy), store.c (loading).  To: reconcile.c (reads).
 * Theory: two arrays ordered by name, found by bisection; ids are found by a walk, there are at
 * most 1,278 of them.  A copy is deep, so that a change can be refused by throwing the copy away.
 * Invariants: names are unique within each array; what an array holds it owns.
 * Thread: the daemon has one. */
#include "config/model.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct model *model_create(void)
{
	return calloc(1, sizeof(struct model));
}

/* NULL for none; false: no memory. */
static bool copy_hosts(const struct dhcp_host *from, unsigned n, struct dhcp_host **out)
{
	*out = n > 0 ? calloc(n, sizeof(*from)) : NULL;
	if (*out)
		memcpy(*out, from, n * sizeof(*from));
	return n == 0 || *out;
}

int network_cfg_copy(struct network_cfg *to, const struct network_cfg *from)
{
	struct dhcp_host *hosts, *neighbours;

	if (!copy_hosts(from->dhcp_host, from->n_dhcp_hosts, &hosts))
		return -ENOMEM;
	if (!copy_hosts(from->neighbour, from->n_neighbours, &neighbours)) {
		free(hosts);
		return -ENOMEM;
	}
	*to = *from;
	to->dhcp_host = hosts;
	to->neighbour = neighbours;
	return 0;
}

void network_cfg_fini(struct network_cfg *n)
{
	free(n->dhcp_host);
	n->dhcp_host = NULL;
	n->n_dhcp_hosts = 0;
	free(n->neighbour);
	n->neighbour = NULL;
	n->n_neighbours = 0;
}

void model_destroy(struct model *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n_networks; i++)
		network_cfg_fini(&m->network[i]);
	free(m->network);
	free(m->vif);
	free(m->forward);
	free(m);
}

struct model *model_copy(const struct model *m)
{
	struct model *c = model_create();

	if (!c)
		return NULL;
	c->generation = m->generation;
	c->last_network_id = m->last_network_id;
	c->last_vif_id = m->last_vif_id;
	c->network = calloc(MAX(m->n_networks, 1u), sizeof(*c->network));
	c->vif = calloc(MAX(m->n_vifs, 1u), sizeof(*c->vif));
	c->forward = calloc(MAX(m->n_forwards, 1u), sizeof(*c->forward));
	if (!c->network || !c->vif || !c->forward)
		goto out;
	for (; c->n_networks < m->n_networks; c->n_networks++)
		if (network_cfg_copy(&c->network[c->n_networks], &m->network[c->n_networks]) != 0)
			goto out;
	if (m->n_vifs > 0)
		memcpy(c->vif, m->vif, m->n_vifs * sizeof(*c->vif));
	c->n_vifs = m->n_vifs;
	if (m->n_forwards > 0)
		memcpy(c->forward, m->forward, m->n_forwards * sizeof(*c->forward));
	c->n_forwards = m->n_forwards;
	return c;
out:
	model_destroy(c);
	return NULL;
}

/* Bisection over an array whose elements hold their name at @name_at.  Index of the first element
 * that is not before @name. */
static unsigned find_index(
	const void *array, unsigned n, size_t size, size_t name_at, const char *name)
{
	unsigned low = 0;
	unsigned high = n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const char *at = (const char *)array + (size_t)middle * size + name_at;

		if (strcmp(at, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned network_index(const struct model *m, const char *name)
{
	return find_index(m->network, m->n_networks, sizeof(struct network_cfg),
		offsetof(struct network_cfg, name), name);
}

static unsigned vif_index(const struct model *m, const char *name)
{
	return find_index(
		m->vif, m->n_vifs, sizeof(struct vif_cfg), offsetof(struct vif_cfg, name), name);
}

struct network_cfg *model_network(const struct model *m, const char *name)
{
	unsigned i = network_index(m, name);

	if (i == m->n_networks || strcmp(m->network[i].name, name) != 0)
		return NULL;
	return &m->network[i];
}

struct network_cfg *model_network_by_id(const struct model *m, uint16_t id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].id == id)
			return &m->network[i];
	return NULL;
}

struct vif_cfg *model_vif(const struct model *m, const char *name)
{
	unsigned i = vif_index(m, name);

	if (i == m->n_vifs || strcmp(m->vif[i].name, name) != 0)
		return NULL;
	return &m->vif[i];
}

struct vif_cfg *model_vif_by_id(const struct model *m, uint16_t id)
{
	for (unsigned i = 0; i < m->n_vifs; i++)
		if (m->vif[i].id == id)
			return &m->vif[i];
	return NULL;
}

/* Index of the first forward that is not before (network, proto, port). */
static unsigned forward_index(
	const struct model *m, uint16_t network_id, uint8_t proto, uint16_t port)
{
	unsigned i = 0;

	while (i < m->n_forwards) {
		const struct forward_cfg *f = &m->forward[i];

		if (f->network_id > network_id
			|| (f->network_id == network_id
				&& (f->proto > proto || (f->proto == proto && f->port >= port))))
			break;
		i++;
	}
	return i;
}

struct forward_cfg *model_forward(
	const struct model *m, uint16_t network_id, uint8_t proto, uint16_t port)
{
	unsigned i = forward_index(m, network_id, proto, port);
	struct forward_cfg *f = i < m->n_forwards ? &m->forward[i] : NULL;

	if (!f || f->network_id != network_id || f->proto != proto || f->port != port)
		return NULL;
	return f;
}

struct network_cfg *model_network_by_uplink(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].uplink.kind == UPLINK_VIF
			&& strcmp(m->network[i].uplink.name, name) == 0)
			return &m->network[i];
	return NULL;
}

bool network_is_routed(const struct network_cfg *n)
{
	return n->mode == NETWORK_MODE_NAT || n->mode == NETWORK_MODE_ROUTED
		|| n->mode == NETWORK_MODE_OPEN;
}

bool network_has_family(const struct network_cfg *n, bool is_v4)
{
	for (unsigned i = 0; i < n->n_subnets; i++)
		if (ip_is_v4(&n->subnet[i].addr) == is_v4)
			return true;
	return false;
}

/* Make room for one element of @size at @index; *array may move. */
static int insert_gap(void **array, unsigned n, size_t size, unsigned index)
{
	char *grown = realloc(*array, ((size_t)n + 1) * size);

	if (!grown)
		return -ENOMEM;
	memmove(grown + ((size_t)index + 1) * size, grown + (size_t)index * size,
		((size_t)n - index) * size);
	*array = grown;
	return 0;
}

int model_add_network(struct model *m, const struct network_cfg *n, struct err *e)
{
	unsigned at = network_index(m, n->name);
	struct network_cfg copy;
	void *array = m->network;
	int rc;

	if (at < m->n_networks && strcmp(m->network[at].name, n->name) == 0)
		return err_set(e, -EEXIST, "network.name",
			"network %s exists already: choose another name, or change it with "
			"'saklar network set %s'",
			n->name, n->name);
	if (m->n_networks + 1 >= NETWORK_ID_MAX)
		return err_set(e, -E2BIG, "network",
			"there can be %d networks and uplinks at most: delete one",
			NETWORK_ID_MAX - 1);
	rc = network_cfg_copy(&copy, n);
	if (rc != 0)
		return err_set(e, rc, "network", "out of memory");
	rc = insert_gap(&array, m->n_networks, sizeof(*m->network), at);
	if (rc != 0) {
		network_cfg_fini(&copy);
		return err_set(e, rc, "network", "out of memory");
	}
	m->network = array;
	m->network[at] = copy;
	m->n_networks++;
	return 0;
}

int model_add_vif(struct model *m, const struct vif_cfg *v, struct err *e)
{
	unsigned at = vif_index(m, v->name);
	void *array = m->vif;
	int rc;

	if (at < m->n_vifs && strcmp(m->vif[at].name, v->name) == 0)
		return err_set(e, -EEXIST, "vif.name",
			"vif %s exists already: choose another name, or change it with "
			"'saklar vif set %s'",
			v->name, v->name);
	rc = insert_gap(&array, m->n_vifs, sizeof(*m->vif), at);
	if (rc != 0)
		return err_set(e, rc, "vif", "out of memory");
	m->vif = array;
	m->vif[at] = *v;
	m->n_vifs++;
	return 0;
}

int model_add_forward(struct model *m, const struct forward_cfg *f, struct err *e)
{
	unsigned at = forward_index(m, f->network_id, f->proto, f->port);
	void *array = m->forward;
	int rc;

	if (model_forward(m, f->network_id, f->proto, f->port))
		return err_set(e, -EEXIST, "forward.port",
			"port %u is forwarded already: choose another, or delete the forward that "
			"has it",
			f->port);
	if (m->n_forwards == FORWARDS_MAX)
		return err_set(e, -E2BIG, "forward", "there can be %d forwards at most: delete one",
			FORWARDS_MAX);
	rc = insert_gap(&array, m->n_forwards, sizeof(*m->forward), at);
	if (rc != 0)
		return err_set(e, rc, "forward", "out of memory");
	m->forward = array;
	m->forward[at] = *f;
	m->n_forwards++;
	return 0;
}

void model_del_forward(struct model *m, uint16_t network_id, uint8_t proto, uint16_t port)
{
	struct forward_cfg *f = model_forward(m, network_id, proto, port);
	size_t index;

	if (!f)
		return;
	index = (size_t)(f - m->forward);
	memmove(f, f + 1, (m->n_forwards - index - 1) * sizeof(*f));
	m->n_forwards--;
}

void model_del_network(struct model *m, uint16_t id)
{
	struct network_cfg *n = model_network_by_id(m, id);
	size_t index;

	if (!n)
		return;
	index = (size_t)(n - m->network);
	network_cfg_fini(n);
	memmove(n, n + 1, (m->n_networks - index - 1) * sizeof(*n));
	m->n_networks--;
}

void model_del_vif(struct model *m, uint16_t id)
{
	struct vif_cfg *v = model_vif_by_id(m, id);
	size_t index;

	if (!v)
		return;
	index = (size_t)(v - m->vif);
	memmove(v, v + 1, (m->n_vifs - index - 1) * sizeof(*v));
	m->n_vifs--;
}

static bool is_network_id_used(const struct model *m, uint16_t id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].uplink.network_id == id)
			return true;
	return model_network_by_id(m, id) != NULL;
}

static bool is_vif_id_used(const struct model *m, uint16_t id)
{
	for (unsigned i = 0; i < m->n_networks; i++)
		if (m->network[i].leg_vif_id == id || m->network[i].uplink.vif_id == id)
			return true;
	return model_vif_by_id(m, id) != NULL;
}

/* The first free id after @last, around the end to 1; 0 when all are taken.  Going round keeps an
 * id out of use for as long as possible after its object is gone. */
static uint16_t next_id(const struct model *m, uint16_t last, unsigned max,
	bool (*is_used)(const struct model *m, uint16_t id))
{
	unsigned n_ids = max - 1; /* 1..max-1 */

	CHECK(last < max);
	for (unsigned step = 0; step < n_ids; step++) {
		uint16_t id = (uint16_t)((last + step) % n_ids + 1);

		if (!is_used(m, id))
			return id;
	}
	return 0;
}

int model_next_network_id(struct model *m, uint16_t *out, struct err *e)
{
	uint16_t id = next_id(m, m->last_network_id, NETWORK_ID_MAX, is_network_id_used);

	if (id == NETWORK_ID_NONE)
		return err_set(e, -E2BIG, "network",
			"there can be %d networks and uplinks at most: delete one",
			NETWORK_ID_MAX - 1);
	m->last_network_id = id;
	*out = id;
	return 0;
}

int model_next_vif_id(struct model *m, uint16_t *out, struct err *e)
{
	uint16_t id = next_id(m, m->last_vif_id, VIF_ID_MAX, is_vif_id_used);

	if (id == VIF_ID_NONE)
		return err_set(e, -E2BIG, "vif",
			"there can be %d vifs, host legs and uplinks at most: delete one",
			VIF_ID_MAX - 1);
	m->last_vif_id = id;
	*out = id;
	return 0;
}
