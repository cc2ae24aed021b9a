/* SPDX-License-Identifier: Apache-2.0 */
/* fdb_list.c - read and print entries of the forwarding table; see fdb_list.h for the grammar.
 *
 * From: schema_vif.c, schema_network.c, rpc_fdb.c.  To: model_check_fdb.c, snapshot_build.c.
 * Invariants: addresses are neither zero nor groups; no two items have the same address and VLAN.
 * Thread: the daemon has one. */
#include "config/fdb_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words behind the address. */
static bool read_words(const char *at, struct fdb_item *out)
{
	while (*at == ',') {
		size_t len = strcspn(++at, ",");

		if (len == 6 && strncmp(at, "sticky", len) == 0 && !out->is_sticky) {
			out->is_sticky = true;
		} else if (len > 5 && len <= 9 && strncmp(at, "vlan=", 5) == 0 && out->vid == 0
			&& strspn(at + 5, "0123456789") == len - 5) {
			out->vid = (uint16_t)strtoul(at + 5, NULL, 10);
			if (out->vid == 0 || out->vid > VLAN_VID_MAX)
				return false;
		} else {
			return false;
		}
		at += len;
	}
	return *at == '\0';
}

static bool read_item(const char *text, struct fdb_item *out)
{
	char mac[MAC_STR_LEN];
	size_t len = strcspn(text, ",");

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(mac))
		return false;
	memcpy(mac, text, len);
	mac[len] = '\0';
	return mac_parse(mac, &out->mac) == 0 && !mac_is_zero(&out->mac)
		&& !mac_is_multicast(&out->mac) && read_words(text + len, out);
}

int fdb_list_add(struct fdb_list *l, const char *text, const char *path, struct err *e)
{
	struct fdb_item item;
	unsigned i = 0;

	if (!read_item(text, &item))
		return err_set(e, -EINVAL, path,
			"'%.48s' is no entry: write the MAC address of one host, behind it ,vlan= "
			"and a number from 1 to 4094, and ,sticky, where wanted",
			text);
	while (i < l->n
		&& (memcmp(&l->item[i].mac, &item.mac, sizeof(item.mac)) != 0
			|| l->item[i].vid != item.vid))
		i++;
	if (i == FDB_VIF_STATIC_MAX)
		return err_set(e, -E2BIG, path, "a vif can have at most %d entries of its own",
			FDB_VIF_STATIC_MAX);
	l->item[i] = item;
	l->n = i < l->n ? l->n : i + 1;
	return 0;
}

void fdb_list_del(struct fdb_list *l, unsigned index)
{
	l->n--;
	memmove(&l->item[index], &l->item[index + 1], (l->n - index) * sizeof(l->item[0]));
	memset(&l->item[l->n], 0, sizeof(l->item[0]));
}

const char *fdb_list_print(const struct fdb_item *item, char buf[FDB_TEXT_LEN])
{
	char mac[MAC_STR_LEN], vlan[16] = "";

	if (item->vid != 0)
		snprintf(vlan, sizeof(vlan), ",vlan=%u", item->vid);
	snprintf(buf, FDB_TEXT_LEN, "%s%s%s", mac_print(&item->mac, mac), vlan,
		item->is_sticky ? ",sticky" : "");
	return buf;
}
