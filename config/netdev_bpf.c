/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_bpf.c - the tc program that keeps the host's stack out of a vif's netdev.
 * From: reconcile_vif.c, undo.c.  To: libbpf.
 * Theory: a clsact filter belongs to the device, not to its name and not to nftables: rename and
 * `nft flush ruleset` do not touch it.  A fixed handle and priority 1 make it recognisable and the
 * first to run.  Thread: the daemon's only one. */
#include "config/netdev_bpf.h"

#include "vswitch/base/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netdev_bpf.h> /* generated; not the header above */
#include <stdarg.h>
#include <string.h>

LOG_MODULE("netdev_bpf");

#define FILTER_HANDLE 0x5a4b
#define FILTER_PRIORITY 1

static struct bpf_object *loaded; /* once in the life of the daemon */
static int program_fd = -1;

static int print_quietly(enum libbpf_print_level, const char *, va_list)
{
	return 0; /* its return values say all that callers report */
}

static int load_program(void)
{
	if (program_fd >= 0)
		return 0;
	libbpf_set_print(print_quietly);
	struct bpf_object *object
		= bpf_object__open_mem(netdev_bpf_object, netdev_bpf_object_len, NULL);

	if (object == NULL)
		return -errno;
	int rc = bpf_object__load(object);
	struct bpf_program *program = bpf_object__find_program_by_name(object, "saklar_netdev");

	if (rc == 0 && program == NULL)
		rc = -ENOENT;
	if (rc < 0) {
		bpf_object__close(object);
		return rc;
	}
	loaded = object;
	program_fd = bpf_program__fd(program);
	return 0;
}

static struct bpf_tc_hook hook_of(int ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts filter_opts(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = FILTER_HANDLE,
		.priority = FILTER_PRIORITY,
	};
}

int netdev_bpf_attach(int ifindex, bool *made_clsact, struct err *e)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts opts = filter_opts();
	int rc = load_program();

	if (rc < 0)
		return err_set(e, rc, "",
			"cannot load the tc program: %s (the daemon needs CAP_BPF "
			"or CAP_SYS_ADMIN, and a kernel with BPF)",
			strerror(-rc));
	rc = bpf_tc_hook_create(&hook);
	*made_clsact = rc == 0;
	if (rc == 0 || rc == -EEXIST) {
		opts.prog_fd = program_fd;
		opts.flags = BPF_TC_F_REPLACE;
		rc = bpf_tc_attach(&hook, &opts);
	}
	if (rc < 0)
		return err_set(e, rc, "", "cannot attach the tc program: %s", strerror(-rc));
	return 0;
}

bool netdev_bpf_is_attached(int ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts opts = filter_opts();

	libbpf_set_print(print_quietly);
	return bpf_tc_query(&hook, &opts) == 0;
}

void netdev_bpf_detach(int ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts opts = filter_opts();
	int rc = bpf_tc_detach(&hook, &opts);

	if (rc < 0 && rc != -ENOENT && rc != -ENODEV && rc != -EINVAL)
		LOG_WARN("event=detach_failed ifindex=%d error=\"%s\"", ifindex, strerror(-rc));
}

int netdev_bpf_remove_clsact(int ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex);

	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* both: the qdisc itself */
	return bpf_tc_hook_destroy(&hook);
}

void netdev_bpf_fini(void)
{
	bpf_object__close(loaded);
	loaded = NULL;
	program_fd = -1;
}
