/* SPDX-License-Identifier: Apache-2.0 */
/* schema_parse.h - JSON objects to network_cfg, vif_cfg and forward_cfg and back, by the tables of schema.c.
 *
 * Life of a change: the caller has a zeroed cfg (add) or a copy of the present one (set), parses
 * the parameters into it, fills in ids, and lets model_check() look at the whole.
 * Unknown keys, wrong types, values out of limits and fields that are refused for now end with a
 * path and a sentence; the cfg is then to be thrown away.
 * Thread: the daemon's only one. */
#pragma once

#include "config/model.h"
#include "config/schema.h"

#include <jansson.h>

enum schema_verb {
	SCHEMA_ADD,
	SCHEMA_SET,
	SCHEMA_LOAD, /* from the store: as add, but what was left out then stays left out */
};

/* Into @out, which network_cfg_fini() frees also after an error. */
[[nodiscard]] int schema_parse_network(
	const json_t *params, enum schema_verb verb, struct network_cfg *out, struct err *e);
/* @m: where the name of the network is looked up. */
[[nodiscard]] int schema_parse_vif(const json_t *params, enum schema_verb verb,
	const struct model *m, struct vif_cfg *out, struct err *e);

[[nodiscard]] int schema_parse_forward(const json_t *params, enum schema_verb verb,
	const struct model *m, struct forward_cfg *out, struct err *e);

/* The configured fields as the schema's keys; what was not given is left out.  New reference, NULL
 * without memory. */
json_t *schema_print_network(const struct network_cfg *n);
json_t *schema_print_vif(const struct vif_cfg *v, const struct model *m);
json_t *schema_print_forward(const struct forward_cfg *f, const struct model *m);
/* The table itself, for the schema method and the documentation. */
json_t *schema_print_object(const struct schema_object *o);

/* schema_multicast.c: one value of "multicast_" @key, and all of them as JSON. */
struct schema_value;
[[nodiscard]] int schema_set_multicast_net(struct multicast_net_cfg *m, const char *key,
	const struct schema_value *v, const char *path, struct err *e);
[[nodiscard]] int schema_set_multicast_vif(struct multicast_vif_cfg *m, const char *key,
	const struct schema_value *v, const char *path, struct err *e);
void schema_print_multicast_net(const struct multicast_net_cfg *m, json_t *json);
void schema_print_multicast_vif(const struct multicast_vif_cfg *m, json_t *json);

/* schema_stp.c: one value, and all of them as JSON. */
struct stp_cfg schema_stp_default(void);
[[nodiscard]] int schema_set_stp_net(struct stp_cfg *s, const char *key,
	const struct schema_value *v, const char *path, struct err *e);
void schema_print_stp_net(const struct stp_cfg *s, json_t *json);
/* schema_dhcp.c: one value of what DHCP and DNS say beside addresses, and all. */
[[nodiscard]] int schema_set_dhcp(struct network_cfg *n, const char *key,
	const struct schema_value *v, const char *path, struct err *e);
void schema_print_dhcp(const struct network_cfg *n, json_t *json);

/* schema_nat.c: one value of how guests are translated (@key without its first word), and all. */
[[nodiscard]] int schema_set_nat(struct network_cfg *n, const char *key,
	const struct schema_value *v, const char *path, struct err *e);
void schema_print_nat(const struct network_cfg *n, json_t *json);

const char *schema_mode_name(enum network_mode m); /* "bridge" ... */
const char *schema_filtering_name(uint8_t mode); /* "off", "802.1q", "802.1ad" */
const char *schema_stp_name(enum stp_mode m); /* "off", "stp", "rstp" */
const char *schema_loop_protect_name(enum loop_protect p);
const char *schema_edge_name(enum stp_edge edge); /* "auto", "on", "off" */
const char *schema_profile_name(enum network_profile p); /* "plain", "tenant" */
const char *schema_proto_name(uint8_t proto); /* "tcp", "udp" */
const char *schema_type_name(enum vif_type t); /* "tap" ... */
