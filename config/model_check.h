/* SPDX-License-Identifier: Apache-2.0 */
/* model_check.h - what model_check.c and its parts share; nobody else includes it. */
#pragma once

#include "config/model.h"

#define IPV6_MTU_MIN 1280 /* RFC 8200 §5 */
#define MODEL_PATH_LEN sizeof(((struct err *)NULL)->path)

/* "network.NAME.KEY" into @buf of MODEL_PATH_LEN. */
const char *model_network_path(const struct network_cfg *n, const char *key, char *buf);
/* "network.NAME.KEY[I]": an element of a list. */
const char *model_element_path(const struct network_cfg *n, const char *key, unsigned i, char *buf);
const char *model_vif_path(const struct vif_cfg *v, const char *key, char *buf);
/* The last address of @net (IPv4: the broadcast address). */
bool model_is_last_address(const struct ipnet *net, const struct ipaddr *a);
bool model_is_first_address(const struct ipnet *net, const struct ipaddr *a);

/* model_check_size.c */
[[nodiscard]] int model_check_size(const struct model *m, struct err *e);

/* model_check_vlan.c */
[[nodiscard]] int model_check_vlan(const struct model *m, struct err *e);

/* model_check_multicast.c */
[[nodiscard]] int model_check_multicast(const struct model *m, struct err *e);
/* model_check_fdb.c */
[[nodiscard]] int model_check_fdb(const struct model *m, struct err *e);
/* model_check_mirror.c */
[[nodiscard]] int model_check_mirror(const struct model *m, struct err *e);

/* model_check_guard.c */
/* Are these Xen's two ways to one NIC of a guest, NAME and NAME-emu, or two vifs that Xen has named,
 * which one guest has while it moves from a domain to the next?  These may share MAC and addresses. */
bool model_may_be_same_guest(const struct vif_cfg *a, const struct vif_cfg *b);
[[nodiscard]] int model_check_guard(const struct model *m, struct err *e);
/* model_check_stp.c */
[[nodiscard]] int model_check_stp(const struct network_cfg *n, struct err *e);

/* model_check_nat.c */
[[nodiscard]] int model_check_nat(
	const struct model *m, const struct network_cfg *n, struct err *e);
/* Have they a port in common? */
bool model_forwards_overlap(const struct forward_cfg *a, const struct forward_cfg *b);
[[nodiscard]] int model_check_forward_ports(
	const struct forward_cfg *f, const char *path, struct err *e);

/* model_check_route.c */
[[nodiscard]] int model_check_routes(
	const struct model *m, const struct network_cfg *n, struct err *e);

/* model_check_uplink.c */
[[nodiscard]] int model_check_role(const struct model *m, const struct vif_cfg *v, struct err *e);
[[nodiscard]] int model_check_uplink(
	const struct model *m, const struct network_cfg *n, struct err *e);
[[nodiscard]] int model_check_forwards(const struct model *m, struct err *e);
