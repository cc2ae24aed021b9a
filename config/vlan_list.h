/* SPDX-License-Identifier: Apache-2.0 */
/* vlan_list.h - the VLANs of a vif, as administrators write them.
 *
 * Written as xl.cfg has it, "10p/20/100+10x4/5-9u", or as libvirt's XML element:
 *   10, 10p     access: untagged frames are in VLAN 10, tagged ones are refused
 *   10/20-29    trunk: tagged frames of these VLANs
 *   10p/20      trunk whose untagged frames are in VLAN 10 (native), both ways
 *   10pt/20     the same, but the native VLAN goes out tagged
 *   10t, 10pu   trunks of one VLAN: tagged; native and untagged
 *   20u         goes out untagged, although untagged frames that come in are not in it
 *   100+10x4    100, 110, 120, 130
 *   <vlan trunk='yes'><tag id='10' nativeMode='untagged'/><tag id='20'/></vlan> */
#pragma once

#include "vswitch/abi/limits.h"
#include "vswitch/base/err.h"

#define VLAN_TEXT_LEN 1024

struct vlan_item {
	uint16_t first, last;
	uint16_t flags; /* enum snap_vlan_flag */
};

struct vlan_list {
	unsigned n; /* 0: VLAN 1, as a port of a Linux bridge */
	bool is_access;
	struct vlan_item item[VLAN_VIF_RANGES_MAX]; /* ascending, disjoint */
};

/* 0, or -EINVAL with @e, which names the item and the rule. */
[[nodiscard]] int vlan_list_parse(
	const char *text, const char *path, struct vlan_list *out, struct err *e);
/* Is a vif with this list in VLAN @vid? */
bool vlan_list_has(const struct vlan_list *l, unsigned vid);
/* The VLAN of a vif that is in one only, else 0. */
uint16_t vlan_list_only(const struct vlan_list *l);
/* In the first grammar, the same text for the same list. */
const char *vlan_list_print(const struct vlan_list *l, char buf[VLAN_TEXT_LEN]);
