/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.c - keep the capabilities with a reason, drop all others.
 *
 * From: daemon.c, before anything else is opened.  To: the kernel, by libcap-ng.
 * Theory: the bounding set is cut to the same table, so that children (engine, dnsmasq, nft) cannot
 * have more; the engine drops the rest itself before it reads a byte.
 * Invariants: packaging/systemd/saklard.service.in and docs/privileges.md name the same table (a
 * test compares).
 * Thread: before there is a second one. */
#include "config/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define FILES_WANTED 65536 /* as LimitNOFILE of the unit */

const struct privilege privileges[] = {
	{ CAP_NET_ADMIN, "cap_net_admin",
		"make taps, set addresses and MTU, attach tc-bpf, large socket buffers, nftables" },
	{ CAP_NET_RAW, "cap_net_raw", "open packet sockets on guests' devices" },
	{ CAP_SYS_ADMIN, "cap_sys_admin",
		"enter guests' network namespaces; give the engine namespaces of its own" },
	{ CAP_BPF, "cap_bpf", "load the tc-bpf program" },
	{ CAP_SETUID, "cap_setuid", "start engine and dnsmasq as users of their own" },
	{ CAP_SETGID, "cap_setgid", "start engine and dnsmasq as groups of their own" },
	{ CAP_SETPCAP, "cap_setpcap", "empty the engine's bounding set" },
	{ CAP_KILL, "cap_kill", "end engine and dnsmasq, which run as other users" },
	{ CAP_CHOWN, "cap_chown", "give sockets to group saklar, leases to dnsmasq" },
	{ CAP_FOWNER, "cap_fowner", "set modes of files that then belong to those" },
	{ CAP_DAC_OVERRIDE, "cap_dac_override",
		"remove files of dnsmasq and engine from the run directory" },
	{ CAP_SYS_PTRACE, "cap_sys_ptrace",
		"open /proc/PID/ns/net of guests' processes, and see which process holds a "
		"device" },
	{ CAP_SYS_RESOURCE, "cap_sys_resource",
		"raise the number of open files; lock memory for bpf maps on old kernels" },
	{ CAP_NET_BIND_SERVICE, "cap_net_bind_service",
		"for dnsmasq only: ports 53 and 67 of the host legs" },
	{ CAP_IPC_LOCK, "cap_ipc_lock", "for the engine only: packet buffers in hugepages" },
};
const unsigned n_privileges = sizeof(privileges) / sizeof(privileges[0]);

void privileges_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = FILES_WANTED;
	if (limit.rlim_max >= FILES_WANTED) {
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		return;
	}
	const struct rlimit raised = { FILES_WANTED, FILES_WANTED };

	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
		(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int privileges_drop(struct err *e)
{
	bool is_held[sizeof(privileges) / sizeof(privileges[0])];
	bool may_cut;

	if (capng_get_caps_process() != 0)
		return err_set(e, -EPERM, "", "cannot read the capabilities of this process");
	may_cut = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned i = 0; i < n_privileges; i++)
		is_held[i]
			= capng_have_capability(CAPNG_PERMITTED, (unsigned)privileges[i].capability)
			&& capng_have_capability(
				CAPNG_BOUNDING_SET, (unsigned)privileges[i].capability);
	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned i = 0; i < n_privileges; i++)
		if (is_held[i]
			&& capng_update(CAPNG_ADD,
				   CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				   (unsigned)privileges[i].capability)
				!= 0)
			return err_set(
				e, -EPERM, "", "cannot choose capability %s", privileges[i].name);
	/* the bounding set can only be cut with CAP_SETPCAP; without it there is nothing to cut */
	if (capng_apply(may_cut ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		return err_set(e, -EPERM, "", "cannot drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(e, -errno, "", "cannot set no_new_privs: %s", strerror(errno));
	return 0;
}
