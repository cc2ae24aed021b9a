/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_vif.c - `saklar vif qemu-args|libvirt-xml|xl NAME`: how a guest gets the vif.
 *
 * From: cli_verbs.c.  To: the daemon's method vif.show, then vmm_text.c.
 * Invariants: standard output carries the text alone, so that it can be substituted into a command;
 * remarks go to standard error.  Thread: the only one. */
#include "tools/cli_rpc.h"
#include "tools/cmd.h"
#include "tools/text.h"
#include "tools/vmm_text.h"

#include <string.h>

typedef int (*nic_text)(const struct vmm_nic *nic, char *out, size_t size, struct err *e);

static struct vmm_nic nic_of(const json_t *vif, const char *name)
{
	const char *ifname = cli_text(vif, "ifname");
	const char *dev = cli_text(vif, "dev");

	return (struct vmm_nic){
		.name = name,
		.type = cli_text(vif, "type"),
		.dev = dev[0]       ? dev
			: ifname[0] ? ifname
				    : name,
		.socket = cli_text(vif, "socket"),
		.is_client = json_is_true(json_object_get(vif, "client")),
		.network = cli_text(vif, "network"),
		.mac = cli_text(vif, "mac"),
		.queues = (uint32_t)MIN(cli_u64(vif, "queues"), UINT64_C(256)),
		.mtu = (uint32_t)MIN(cli_u64(vif, "mtu"), UINT64_C(65535)),
	};
}

static void print_text(const struct cli *cli, const struct vmm_nic *nic, const char *key,
	const char *text, const char *remark)
{
	if (cli->json) {
		json_t *o = json_pack("{s:s, s:s}", "name", nic->name, key, text);

		cli_print_json(cli, o);
		json_decref(o);
		return;
	}
	fprintf(cli->out, "%s%s", text, strchr(text, '\n') ? "" : "\n");
	if (remark)
		cli_warn(cli, "%s", remark);
}

static int print_nic(const struct cli *cli, const struct cli_args *args, nic_text make,
	const char *key, const char *(*remark)(const struct vmm_nic *nic))
{
	char text[2048];
	struct err e = ERR_NONE;
	json_t *vif = NULL;
	json_t *params = json_pack("{s:s}", "name", args->word[0]);

	if (!params)
		return cli_fail(cli, CLI_USAGE, "the name is not valid UTF-8");
	int code = cli_call(cli, RPC_ROLE_RO, "vif.show", params, &vif);

	if (code == CLI_DONE) {
		struct vmm_nic nic = nic_of(vif, args->word[0]);

		if (make(&nic, text, sizeof(text), &e) != 0)
			code = cli_fail_rpc(cli, &e);
		else
			print_text(cli, &nic, key, text, remark ? remark(&nic) : NULL);
	}
	json_decref(vif);
	return code;
}

int cmd_vif_qemu_args(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return print_nic(cli, args, vmm_qemu_args, "qemu_args", NULL);
}

int cmd_vif_libvirt_xml(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return print_nic(cli, args, vmm_libvirt_xml, "libvirt_xml", vmm_libvirt_remark);
}

int cmd_vif_xl(const struct cli *cli, const struct cli_verb *, struct cli_args *args)
{
	return print_nic(cli, args, vmm_xl_line, "xl", NULL);
}
