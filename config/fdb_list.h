/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_list.h - MAC addresses that the administrator puts behind a vif or a host leg, as he writes
 * them: "52:54:00:12:34:56", behind it ",vlan=10" and ",sticky". */
#pragma once

#include "vswitch/abi/limits.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define FDB_TEXT_LEN 48

struct fdb_item {
	struct mac mac;
	uint16_t vid; /* 0: not said */
	bool is_sticky;
};

struct fdb_list {
	unsigned n;
	struct fdb_item item[FDB_VIF_STATIC_MAX];
};

/* Put what @text says behind the others, or in the place of the one with its address and VLAN. */
[[nodiscard]] int fdb_list_add(
	struct fdb_list *l, const char *text, const char *path, struct err *e);
void fdb_list_del(struct fdb_list *l, unsigned index);
/* The same text for the same item. */
const char *fdb_list_print(const struct fdb_item *item, char buf[FDB_TEXT_LEN]);
