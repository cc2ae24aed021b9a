/* SPDX-License-Identifier: Apache-2.0 */
/* vlan_list.c - read and print the VLANs of a vif; see vlan_list.h for the grammar.
 *
 * From: schema_vif.c.  To: snapshot_build.c.
 * Theory: both grammars add the same items to one list; what they must be together is looked at
 * once, behind both.
 * Invariants of a parsed list: VIDs are 1..4094, no VID is named twice, at most one is native.
 * Thread: the daemon has one. */
#include "config/vlan_list.h"

#include "vswitch/abi/snapshot_msg.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list while it is read. */
struct reading {
	struct vlan_list *list;
	const char *path;
	struct err *e;
	bool is_trunk; /* an item says 't' or 'u', or trunk='yes': no access port */
};

static int refuse_item(const struct reading *r, const char *at, const char *rule)
{
	int len = (int)strcspn(at, at[0] == '<' ? ">" : "/");

	return err_set(r->e, -EINVAL, r->path, "vlan: '%.*s' %s", MIN(len, 40), at, rule);
}

static int add(
	struct reading *r, const char *at, unsigned long first, unsigned long last, unsigned flags)
{
	struct vlan_list *l = r->list;

	if (first < 1 || first > VLAN_VID_MAX || last > VLAN_VID_MAX)
		return refuse_item(r, at, "is out of range: VLANs are 1 to 4094");
	if (last < first)
		return refuse_item(r, at, "ends before it begins");
	if ((flags & SNAP_VLAN_PVID) && first != last)
		return refuse_item(r, at, "is a range: the native VLAN is one");
	for (unsigned i = 0; i < l->n; i++) {
		if (first <= l->item[i].last && last >= l->item[i].first)
			return refuse_item(r, at, "names a VLAN for the second time");
		if (l->item[i].flags & flags & SNAP_VLAN_PVID)
			return refuse_item(r, at, "is the second native VLAN: keep one");
	}
	if (l->n == VLAN_VIF_RANGES_MAX)
		return refuse_item(r, at, "is one too many: 64 numbers and ranges at most");
	l->item[l->n++] = (struct vlan_item){ (uint16_t)first, (uint16_t)last, (uint16_t)flags };
	return 0;
}

/* A number of at most five digits at *@at, which is moved behind it; false: none is there. */
static bool read_number(const char **at, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*out = strtoul(*at, &end, 10);
	if (end - *at > 5)
		*out = 99999;
	*at = end;
	return true;
}

/* The letters behind a number; false: unknown ones, or they contradict each other. */
static bool read_letters(const char **at, unsigned *flags, bool *is_trunk)
{
	bool is_native = false, is_untagged = false, is_tagged = false;

	for (; isalpha((unsigned char)**at); (*at)++) {
		bool *what = **at == 'p' ? &is_native
			: **at == 'u'    ? &is_untagged
			: **at == 't'    ? &is_tagged
					 : NULL;

		if (!what || *what)
			return false;
		*what = true;
	}
	*flags = (is_native ? SNAP_VLAN_PVID : 0)
		| (is_untagged || (is_native && !is_tagged) ? SNAP_VLAN_UNTAGGED : 0);
	*is_trunk |= is_untagged || is_tagged;
	return !(is_untagged && is_tagged);
}

static int read_item(struct reading *r, const char **text)
{
	static const char grammar[]
		= "is no VLAN: write 10, 10-19 or 100+10x4, with p for native, u for untagged, "
		  "t for tagged; several with / between";
	const char *start = *text, *at = start;
	unsigned long first, last, step = 1, count = 1;
	unsigned flags;
	int rc = 0;

	if (!read_number(&at, &first))
		return refuse_item(r, start, grammar);
	last = first;
	if (*at == '-') {
		at++;
		if (!read_number(&at, &last))
			return refuse_item(r, start, grammar);
	} else if (*at == '+') {
		at++;
		if (!read_number(&at, &step) || *at++ != 'x' || !read_number(&at, &count)
			|| step == 0 || count == 0)
			return refuse_item(r, start, grammar);
		if (count > VLAN_VIF_RANGES_MAX)
			return refuse_item(
				r, start, "makes too many: 64 numbers and ranges at most");
	}
	if (!read_letters(&at, &flags, &r->is_trunk) || (*at != '\0' && *at != '/'))
		return refuse_item(r, start, grammar);
	for (unsigned long i = 0; rc == 0 && i < count; i++)
		rc = add(r, start, first + i * step, last + i * step, flags);
	*text = at;
	return rc;
}

static int read_xl(struct reading *r, const char *text)
{
	for (;;) {
		int rc = read_item(r, &text);

		if (rc != 0 || *text == '\0')
			return rc;
		text++;
	}
}

/* The value of attribute @name in the element at @at, into @buf; false: it is not there. */
static bool attribute(const char *at, const char *name, char buf[16])
{
	const char *end = strchr(at, '>');
	size_t name_len = strlen(name);

	for (const char *p = at; end && p < end; p++) {
		const char *value = p + name_len + 2;
		size_t len;

		if (*p != ' ' || strncmp(p + 1, name, name_len) != 0 || p[1 + name_len] != '='
			|| (*value != '\'' && *value != '"'))
			continue;
		len = strcspn(value + 1, "'\"");
		if (len >= 16)
			return false;
		memcpy(buf, value + 1, len);
		buf[len] = '\0';
		return true;
	}
	return false;
}

static int read_tag(struct reading *r, const char *at)
{
	char id[16], mode[16] = "";
	const char *digits = id;
	unsigned long vid;
	unsigned flags = 0;

	if (!attribute(at, "id", id) || !read_number(&digits, &vid) || *digits != '\0')
		return refuse_item(r, at, "needs id='NUMBER'");
	if (attribute(at, "nativeMode", mode)) {
		if (strcmp(mode, "untagged") == 0)
			flags = SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED;
		else if (strcmp(mode, "tagged") == 0)
			flags = SNAP_VLAN_PVID;
		else
			return refuse_item(
				r, at, "has a nativeMode other than tagged and untagged");
		r->is_trunk = true;
	}
	return add(r, at, vid, vid, flags);
}

/* <vlan [trunk='yes']> <tag id='N' [nativeMode='M']/> ... </vlan> */
static int read_libvirt(struct reading *r, const char *at)
{
	char trunk[16] = "";

	if (strncmp(at, "<vlan", 5) != 0 || (at[5] != ' ' && at[5] != '>'))
		return refuse_item(r, at, "is not libvirt's <vlan> element");
	if (attribute(at, "trunk", trunk)) {
		if (strcmp(trunk, "yes") != 0 && strcmp(trunk, "no") != 0)
			return refuse_item(r, at, "has a trunk other than yes and no");
		r->is_trunk = strcmp(trunk, "yes") == 0;
	}
	for (;;) {
		int rc;

		at += strcspn(at, ">");
		at += strspn(at, "> \t\n");
		if (strcmp(at, "</vlan>") == 0)
			return 0;
		if (strncmp(at, "<tag ", 5) != 0)
			return refuse_item(r, at, "is not <tag id='NUMBER'/> or </vlan>");
		rc = read_tag(r, at);
		if (rc != 0)
			return rc;
	}
}

static int item_compare(const void *a, const void *b)
{
	const struct vlan_item *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int vlan_list_parse(const char *text, const char *path, struct vlan_list *out, struct err *e)
{
	struct reading r = { .list = out, .path = path, .e = e };
	struct vlan_item *only = &out->item[0];
	int rc;

	memset(out, 0, sizeof(*out));
	rc = text[0] == '<' ? read_libvirt(&r, text) : read_xl(&r, text);
	if (rc != 0)
		return rc;
	if (out->n == 0)
		return refuse_item(&r, text, "names no VLAN");
	qsort(out->item, out->n, sizeof(out->item[0]), item_compare);
	out->is_access = out->n == 1 && only->first == only->last && !r.is_trunk;
	if (out->is_access)
		only->flags = SNAP_VLAN_PVID | SNAP_VLAN_UNTAGGED;
	return 0;
}

bool vlan_list_has(const struct vlan_list *l, unsigned vid)
{
	for (unsigned i = 0; i < l->n; i++)
		if (vid >= l->item[i].first && vid <= l->item[i].last)
			return true;
	return l->n == 0 && vid == VLAN_VID_DEFAULT;
}

uint16_t vlan_list_only(const struct vlan_list *l)
{
	if (l->n == 0)
		return VLAN_VID_DEFAULT;
	return l->n == 1 && l->item[0].first == l->item[0].last ? l->item[0].first : 0;
}

const char *vlan_list_print(const struct vlan_list *l, char buf[VLAN_TEXT_LEN])
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < l->n && used + 24 < VLAN_TEXT_LEN; i++) {
		const struct vlan_item *v = &l->item[i];
		bool is_native = v->flags & SNAP_VLAN_PVID;
		bool is_untagged = v->flags & SNAP_VLAN_UNTAGGED;

		used += (size_t)snprintf(
			buf + used, VLAN_TEXT_LEN - used, "%s%u", i > 0 ? "/" : "", v->first);
		if (v->last > v->first)
			used += (size_t)snprintf(buf + used, VLAN_TEXT_LEN - used, "-%u", v->last);
		if (l->is_access)
			break;
		if (is_native)
			used += (size_t)snprintf(buf + used, VLAN_TEXT_LEN - used, "p");
		/* what would be an access port without it has both letters */
		if (is_untagged && (!is_native || l->n == 1))
			used += (size_t)snprintf(buf + used, VLAN_TEXT_LEN - used, "u");
		if (!is_untagged && (is_native || (l->n == 1 && v->first == v->last)))
			used += (size_t)snprintf(buf + used, VLAN_TEXT_LEN - used, "t");
	}
	return buf;
}
