/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_bpf.c - the programs that keep the host's stack out of a vif's netdev, and pass on what the
 * pipeline has decided before.
 * From: reconcile_vif.c, undo.c.  To: libbpf.
 * Theory: a clsact filter belongs to the device, not to its name and not to nftables: rename and
 * `nft flush ruleset` do not touch it.  A fixed handle and priority 1 make it recognisable and the
 * first to run.  Thread: the daemon's only one. */
#include "config/netdev_bpf.h"

#include "vswitch/abi/limits.h"
#include "vswitch/abi/state.h"
#include "vswitch/base/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netdev_bpf.h> /* generated; not the header above */
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

LOG_MODULE("netdev_bpf");

#define FILTER_HANDLE 0x5a4b
#define SHARED_HANDLE 0x5a4c /* on a device that stays the host's */
#define FILTER_PRIORITY 1

static struct bpf_object *loaded; /* once in the life of the daemon */
static int program_fd = -1, shared_fd = -1, filter_fd = -1, ports_fd = -1;
static uint32_t port_of[VIF_ID_MAX]; /* ifindex by vif id; 0: none */
/* The engine's segments and the maps that they take the place of; the fds are the caller's. */
static struct {
	const char *map;
	enum segment_kind kind;
	int fd;
} segments[] = {
	{ "saklar_verdicts", SEGMENT_VERDICT, -1 },
	{ "saklar_fdb", SEGMENT_FDB, -1 },
	{ "saklar_ct", SEGMENT_CT, -1 },
	{ "saklar_neigh", SEGMENT_NEIGH, -1 },
};

static int print_quietly(enum libbpf_print_level, const char *, va_list)
{
	return 0; /* its return values say all that callers report */
}

void netdev_bpf_use(const int *segment_fd)
{
	for (unsigned i = 0; i < ARRAY_LEN(segments); i++) {
		int fd = segment_fd != NULL ? segment_fd[segments[i].kind] : -1;

		if (loaded != NULL && segments[i].fd != fd)
			netdev_bpf_fini(); /* what is attached stays; what comes now looks into these */
		segments[i].fd = fd;
	}
}

static int fd_of(const struct bpf_object *object, const char *name)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program != NULL ? bpf_program__fd(program) : -ENOENT;
}

/* Put the engine's segments where the programs have maps of their own. */
static int use_segments(struct bpf_object *object)
{
	for (unsigned i = 0; i < ARRAY_LEN(segments); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, segments[i].map);
		int rc = map == NULL ? -ENOENT : 0;

		if (rc == 0 && segments[i].fd >= 0)
			rc = bpf_map__reuse_fd(map, segments[i].fd);
		if (rc < 0)
			return rc;
	}
	return 0;
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
	int rc = use_segments(object);

	if (rc == 0)
		rc = bpf_object__load(object);
	if (rc == 0)
		rc = fd_of(object, "saklar_netdev");
	if (rc < 0) {
		bpf_object__close(object);
		return rc;
	}
	loaded = object;
	program_fd = rc;
	shared_fd = fd_of(object, "saklar_shared");
	filter_fd = fd_of(object, "saklar_choose");
	ports_fd = bpf_object__find_map_fd_by_name(object, "saklar_ports");
	for (uint32_t id = 1; id < VIF_ID_MAX; id++)
		if (port_of[id] != 0)
			(void)bpf_map_update_elem(ports_fd, &id, &port_of[id], BPF_ANY);
	return 0;
}

static int set_filter(int fd, int program)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) < 0 ? -errno
											: 0;
}

int netdev_bpf_filter(int fd)
{
	int one = 1;

	if (segments[0].fd < 0) /* all are there or none */
		return -ENOTSUP;
	int rc = load_program();

	if (rc == 0)
		rc = set_filter(fd, filter_fd);
	if (rc == 0 && setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0)
		rc = -errno;
	return rc;
}

/* Load saklar_choose_own alone, for @mac, with the maps of the loaded object.  0 or a libbpf error. */
static int load_own(struct bpf_object *object, const struct mac *mac)
{
	struct bpf_map *constants = bpf_object__find_map_by_name(object, ".rodata");
	struct bpf_map *ports = bpf_object__find_map_by_name(object, "saklar_ports");
	struct bpf_program *program = NULL;
	uint64_t own = 0;

	if (constants == NULL || ports == NULL || bpf_map__value_size(constants) != sizeof(own))
		return -ENOENT;
	while ((program = bpf_object__next_program(object, program)) != NULL)
		bpf_program__set_autoload(
			program, strcmp(bpf_program__name(program), "saklar_choose_own") == 0);
	memcpy(&own, mac->b, sizeof(mac->b));
	int rc = bpf_map__set_initial_value(constants, &own, sizeof(own));

	if (rc == 0)
		rc = bpf_map__reuse_fd(ports, ports_fd);
	if (rc == 0)
		rc = use_segments(object);
	return rc == 0 ? bpf_object__load(object) : rc;
}

int netdev_bpf_filter_own(int fd, const struct mac *mac)
{
	if (segments[0].fd < 0)
		return -ENOTSUP;
	int rc = load_program();

	if (rc < 0)
		return rc;
	struct bpf_object *object
		= bpf_object__open_mem(netdev_bpf_object, netdev_bpf_object_len, NULL);

	if (object == NULL)
		return -errno;
	rc = load_own(object, mac);
	if (rc == 0)
		rc = set_filter(fd, fd_of(object, "saklar_choose_own"));
	bpf_object__close(object); /* the socket keeps the program */
	return rc;
}

void netdev_bpf_set_port(uint16_t vif_id, int ifindex)
{
	uint32_t key = vif_id;

	port_of[vif_id] = (uint32_t)ifindex;
	if (loaded != NULL)
		(void)bpf_map_update_elem(ports_fd, &key, &port_of[vif_id], BPF_ANY);
}

static struct bpf_tc_hook hook_of(int ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts filter_opts(uint32_t handle)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = handle,
		.priority = FILTER_PRIORITY,
	};
}

static int attach(int ifindex, uint32_t handle, int fd, struct err *e)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts opts = filter_opts(handle);

	opts.prog_fd = fd;
	opts.flags = BPF_TC_F_REPLACE;
	int rc = bpf_tc_attach(&hook, &opts);

	return rc == 0 ? 0 : err_set(e, rc, "", "cannot attach the tc program: %s", strerror(-rc));
}

/* *is_new: it was not there before. */
static int make_clsact(int ifindex, bool *is_new, struct err *e)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	int rc = bpf_tc_hook_create(&hook);

	*is_new = rc == 0;
	return rc == 0 || rc == -EEXIST
		? 0
		: err_set(e, rc, "", "no clsact qdisc for the tc program: %s", strerror(-rc));
}

static int load_or_say(struct err *e)
{
	int rc = load_program();

	return rc == 0 ? 0
		       : err_set(e, rc, "",
			       "cannot load the tc program: %s (the daemon needs CAP_BPF "
			       "or CAP_SYS_ADMIN, and a kernel with BPF)",
			       strerror(-rc));
}

int netdev_bpf_attach(int ifindex, bool *made_clsact, struct err *e)
{
	int rc = load_or_say(e);

	if (rc == 0)
		rc = make_clsact(ifindex, made_clsact, e);
	return rc == 0 ? attach(ifindex, FILTER_HANDLE, program_fd, e) : rc;
}

int netdev_bpf_share(int ifindex, bool is_ours, struct err *e)
{
	int rc = load_or_say(e);
	bool is_new = false;

	if (rc == 0)
		rc = make_clsact(ifindex, &is_new, e);
	if (rc == 0 && !is_new && !is_ours)
		rc = err_set(e, -EEXIST, "", "foreign clsact");
	return rc == 0 ? attach(ifindex, SHARED_HANDLE, shared_fd, e) : rc;
}

static bool has_filter(int ifindex, uint32_t handle)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts opts = filter_opts(handle);

	libbpf_set_print(print_quietly);
	return bpf_tc_query(&hook, &opts) == 0;
}

bool netdev_bpf_is_attached(int ifindex)
{
	return has_filter(ifindex, FILTER_HANDLE);
}

bool netdev_bpf_is_shared(int ifindex)
{
	return has_filter(ifindex, SHARED_HANDLE);
}

void netdev_bpf_detach(int ifindex)
{
	static const uint32_t handles[] = { FILTER_HANDLE, SHARED_HANDLE };

	for (unsigned i = 0; i < ARRAY_LEN(handles); i++) {
		struct bpf_tc_hook hook = hook_of(ifindex);
		struct bpf_tc_opts opts = filter_opts(handles[i]);
		int rc = bpf_tc_detach(&hook, &opts);

		if (rc < 0 && rc != -ENOENT && rc != -ENODEV && rc != -EINVAL)
			LOG_WARN("event=detach_failed ifindex=%d error=\"%s\"", ifindex,
				strerror(-rc));
	}
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
	program_fd = shared_fd = filter_fd = ports_fd = -1;
}
