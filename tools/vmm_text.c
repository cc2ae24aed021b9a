/* SPDX-License-Identifier: Apache-2.0 */
/* vmm_text.c - what to paste into a VMM, or xl, so that its guest gets a vif.
 *
 * From: cmd_vif.c.  To: libc.
 * Theory: the tap is persistent and made by the daemon; with several queues it carries
 * IFF_MULTI_QUEUE, and TUNSETIFF fails (EINVAL) when the VMM's idea differs.  QEMU asks for the
 * flag exactly when queues > 1, libvirt when <driver queues> is given, so the number of queues must
 * be passed on.  Kernel device names may hold a comma or a quote: QEMU doubles commas, XML has
 * entities, the shell gets single quotes.
 * vhost-user wants the guest's memory in a file that is shared, which is a property of the whole machine:
 * memory-backend-memfd is sealed by itself, and a -m or -machine that comes before is overridden.
 * Invariants: refused or whole, never cut.  Thread: any. */
#include "tools/vmm_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MTU_DEFAULT 1500
#define MEMORY_DEFAULT "1G" /* taken page by page as the guest touches it */

/* A text that knows when it was cut. */
struct sink {
	char *at;
	char *end;
	bool failed;
};

static void put(struct sink *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct sink *s, const char *fmt, ...)
{
	va_list args;
	size_t room = (size_t)(s->end - s->at);

	va_start(args, fmt);
	int n = vsnprintf(s->at, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		s->failed = true;
	else
		s->at += n;
}

static void put_xml(struct sink *s, const char *text)
{
	for (; *text; text++) {
		if (strchr("&<>'\"", *text))
			put(s, "&#%d;", *text);
		else
			put(s, "%c", *text);
	}
}

/* The value of a QEMU option within a single-quoted shell word. */
static void put_qemu(struct sink *s, const char *text)
{
	for (; *text; text++) {
		if (*text == ',')
			put(s, ",,");
		else if (*text == '\'')
			put(s, "'\\''");
		else
			put(s, "%c", *text);
	}
}

static bool needs_quotes(const char *text)
{
	return text[strspn(
		text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-,")];
}

static bool is_vhost(const struct vmm_nic *nic)
{
	return strcmp(nic->type, "vhost-user") == 0;
}

static int check_type(const struct vmm_nic *nic, struct err *e)
{
	if (strcmp(nic->type, "tap") == 0 || is_vhost(nic))
		return 0;
	const char *what = strcmp(nic->type, "netdev") == 0
		? "is the existing device of a container or of the host"
		: strcmp(nic->type, "host") == 0
		? "is a device of the host or of a namespace, used from there directly"
		: "is not opened by a VMM in this way";

	return err_set(e, -EINVAL, "",
		"vif %s has type %s: it %s; for a VMM add one with 'saklar vif add NAME --network "
		"N "
		"--type tap'",
		nic->name, nic->type, what);
}

static int finish(struct sink *s, struct err *e)
{
	return s->failed ? err_set(e, -ENAMETOOLONG, "", "the names are too long") : 0;
}

static void put_tap(struct sink *s, const struct vmm_nic *nic)
{
	const char *quote = needs_quotes(nic->dev) ? "'" : "";

	put(s, "-netdev %stap,id=%s,ifname=", quote, nic->name);
	put_qemu(s, nic->dev);
	put(s, ",script=no,downscript=no,vhost=off");
	if (nic->queues > 1)
		put(s, ",queues=%u", nic->queues);
	put(s, "%s", quote);
}

static void put_vhost(struct sink *s, const struct vmm_nic *nic)
{
	const char *quote = needs_quotes(nic->socket) ? "'" : "";

	put(s,
		"-m " MEMORY_DEFAULT " -object memory-backend-memfd,id=%s.mem,size=" MEMORY_DEFAULT
		",share=on -machine memory-backend=%s.mem ",
		nic->name, nic->name);
	put(s, "-chardev %ssocket,id=%s.sock,path=", quote, nic->name);
	put_qemu(s, nic->socket);
	put(s, "%s%s -netdev vhost-user,id=%s,chardev=%s.sock",
		nic->is_client ? ",server=on,wait=off" : ",reconnect=1", quote, nic->name,
		nic->name);
	if (nic->queues > 1)
		put(s, ",queues=%u", nic->queues);
}

int vmm_qemu_args(const struct vmm_nic *nic, char *out, size_t size, struct err *e)
{
	struct sink s = { out, out + size, false };
	int rc = check_type(nic, e);

	if (rc)
		return rc;
	if (is_vhost(nic))
		put_vhost(&s, nic);
	else
		put_tap(&s, nic);
	put(&s, " -device virtio-net-pci,netdev=%s", nic->name);
	if (nic->mac[0])
		put(&s, ",mac=%s", nic->mac);
	if (nic->queues > 1) /* a vector for each direction of a queue, configuration and control */
		put(&s, ",mq=on,vectors=%u", 2 * nic->queues + 2);
	if (nic->mtu && nic->mtu != MTU_DEFAULT)
		put(&s, ",host_mtu=%u", nic->mtu);
	return finish(&s, e);
}

const char *vmm_libvirt_remark(const struct vmm_nic *nic)
{
	static const char *const reserved[] = { "vnet", "vif", "macvtap", "macvlan" };

	if (is_vhost(nic))
		return "the domain's memory must be shared: put <memoryBacking><source "
		       "type='memfd'/><access mode='shared'/></memoryBacking> into its XML";
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strncmp(nic->dev, reserved[i], strlen(reserved[i])) == 0)
			return "libvirt keeps names that begin with vnet, vif, macvtap or macvlan "
			       "for "
			       "itself and may ignore this one; give the vif another with --dev";
	return NULL;
}

static void put_vhost_source(struct sink *s, const struct vmm_nic *nic)
{
	put(s, "  <source type='unix' path='");
	put_xml(s, nic->socket);
	if (nic->is_client)
		put(s, "' mode='server'/>\n");
	else
		put(s,
			"' mode='client'>\n    <reconnect enabled='yes' timeout='1'/>\n  "
			"</source>\n");
	put(s, "  <model type='virtio'/>\n");
	if (nic->queues > 1)
		put(s, "  <driver queues='%u'/>\n", nic->queues);
}

static void put_tap_target(struct sink *s, const struct vmm_nic *nic)
{
	put(s, "  <target dev='");
	put_xml(s, nic->dev);
	put(s, "' managed='no'/>\n  <model type='virtio'/>\n");
	if (nic->queues > 1)
		put(s, "  <driver name='qemu' queues='%u'/>\n", nic->queues);
	else
		put(s, "  <driver name='qemu'/>\n");
}

int vmm_libvirt_xml(const struct vmm_nic *nic, char *out, size_t size, struct err *e)
{
	struct sink s = { out, out + size, false };
	int rc = check_type(nic, e);

	if (rc)
		return rc;
	put(&s, "<interface type='%s'>\n", is_vhost(nic) ? "vhostuser" : "ethernet");
	if (nic->mac[0]) {
		put(&s, "  <mac address='");
		put_xml(&s, nic->mac);
		put(&s, "'/>\n");
	}
	if (is_vhost(nic))
		put_vhost_source(&s, nic);
	else
		put_tap_target(&s, nic);
	if (nic->mtu && nic->mtu != MTU_DEFAULT)
		put(&s, "  <mtu size='%u'/>\n", nic->mtu);
	put(&s, "</interface>\n");
	return finish(&s, e);
}

/* Names that Xen makes up change with each start of the guest. */
static bool is_made_up(const char *dev)
{
	return strncmp(dev, "vif", 3) == 0 && dev[3] >= '0' && dev[3] <= '9';
}

int vmm_xl_line(const struct vmm_nic *nic, char *out, size_t size, struct err *e)
{
	struct sink s = { out, out + size, false };

	if (strcmp(nic->type, "netfront") != 0)
		return err_set(e, -EINVAL, "",
			"vif %s has type %s: for a Xen guest add one with 'saklar vif add NAME "
			"--network N --type netfront'",
			nic->name, nic->type);
	if (!nic->network[0])
		return err_set(e, -EINVAL, "",
			"vif %s is in no network, which bridge= has to name: saklar vif set %s "
			"--network N",
			nic->name, nic->name);
	put(&s, "vif = [ '");
	if (nic->mac[0])
		put(&s, "mac=%s,", nic->mac);
	put(&s, "bridge=%s,script=vif-saklar", nic->network);
	if (!is_made_up(nic->dev))
		put(&s, ",vifname=%s", nic->dev);
	if (nic->mtu && nic->mtu != MTU_DEFAULT)
		put(&s, ",mtu=%u", nic->mtu);
	put(&s, "' ]");
	return finish(&s, e);
}
