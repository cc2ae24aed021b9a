/* SPDX-License-Identifier: Apache-2.0 */
/* mirror_list.h - whose packets a vif gets copies of, as the administrator writes it: "web0", behind it
 * ",rx" or ",tx" and what the packets must have: ",vlan=10", ",ip=10.0.0.0/8", ",proto=tcp", ",port=443",
 * ",ether=0x0806". */
#pragma once

#include "vswitch/abi/snapshot_msg.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#define MIRROR_TEXT_LEN 160

struct mirror_item {
	char source[SAKLAR_NAME_LEN]; /* vif or network */
	uint8_t directions; /* enum snap_mirror_direction; 0: not said */
	uint8_t proto; /* 0: any */
	uint16_t vid, port, ether_type; /* 0: any */
	bool has_net;
	struct ipnet net;
};

struct mirror_list {
	unsigned n;
	struct mirror_item item[MIRROR_VIF_MAX];
};

/* Put what @text says behind the others, unless one of them says the same. */
[[nodiscard]] int mirror_list_add(
	struct mirror_list *l, const char *text, const char *path, struct err *e);
/* Take out what @text says; with a name alone all of that source.  How many. */
unsigned mirror_list_del(struct mirror_list *l, const char *text);
/* What is copied, of a vif or a network: where nothing is said, both of a vif, and of a network what
 * enters it, which is each packet once. */
uint8_t mirror_list_directions(const struct mirror_item *item, bool is_network);
/* "rx", "tx" or "both". */
const char *mirror_list_direction_name(uint8_t directions);
/* The same text for the same item; mirror_list_filter() only what the packets must have. */
const char *mirror_list_print(const struct mirror_item *item, char buf[MIRROR_TEXT_LEN]);
const char *mirror_list_filter(const struct mirror_item *item, char buf[MIRROR_TEXT_LEN]);
