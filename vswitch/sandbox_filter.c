/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_filter.c - stage 3: which system calls each kind of thread may make.
 *
 * From: engine.c, worker.c (as worker_params.confine).  To: seccomp(2) by libseccomp.
 * Theory: each thread installs its own filter: EAL's and the workers' first, the control thread's
 * last.  Threads that see guests' bytes die with the process at the first other call; the control
 * thread gets EPERM, so that a daemon's odd request costs an error and not the dataplane, and the
 * call is counted in a signal frame (SECCOMP_RET_TRAP) because SECCOMP_RET_ERRNO tells nobody.
 * Every entry has its reason here and in docs/threat-model.md.
 * Thread: the one that calls. */
#include "vif/xen_ops.h"
#include "vswitch/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <ucontext.h>

#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif

struct rule {
	int nr;
	unsigned n_args;
	struct scmp_arg_cmp arg[2];
};
/* libseccomp's comparison macros are no constant initialisers */
#define ARG_IS(n, v)                                          \
	{                                                     \
		.arg = (n), .op = SCMP_CMP_EQ, .datum_a = (v) \
	}
#define ARG_LACKS(n, mask)                                                            \
	{                                                                             \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = 0 \
	}

static const struct rule worker_rules[] = {
	{ .nr = SCMP_SYS(recvmmsg) }, /* frames from packet sockets */
	{ .nr = SCMP_SYS(sendmmsg) }, /* frames to packet sockets; waking readers */
	{ .nr = SCMP_SYS(readv) }, /* frames from taps */
	{ .nr = SCMP_SYS(writev) }, /* frames to taps */
	{ .nr = SCMP_SYS(epoll_wait) }, /* sleep until a queue is ready */
	{ .nr = SCMP_SYS(epoll_pwait) }, /* the same where epoll_wait(2) does not exist */
	{ .nr = SCMP_SYS(epoll_ctl) }, /* queues of vifs that come and go */
	{ .nr = SCMP_SYS(read) }, /* its wake-up eventfd */
	{ .nr = SCMP_SYS(write) }, /* eventfd of control; the log */
	{ .nr = SCMP_SYS(preadv2) }, /* kicks of vhost-user guests, without waiting */
	{ .nr = SCMP_SYS(io_submit) }, /* calls of vhost-user guests, without waiting */
	{ .nr = SCMP_SYS(io_getevents) },
	{ .nr = SCMP_SYS(poll) }, /* the same where there is no AIO */
	{ .nr = SCMP_SYS(ppoll) },
	{ .nr = SCMP_SYS(sched_yield) }, /* another worker is waited for */
	{ .nr = SCMP_SYS(getsockopt), 2, { ARG_IS(1, SOL_PACKET), ARG_IS(2, PACKET_STATISTICS) } },
	{ .nr = SCMP_SYS(ioctl), 1, { ARG_IS(1, XEN_CALL_COPY) } }, /* frames of Xen guests */
	{ .nr = SCMP_SYS(ioctl), 1, { ARG_IS(1, XEN_CALL_NOTIFY) } }, /* telling them */
	{ .nr = SCMP_SYS(clock_gettime) }, /* where the vDSO has no clock to read */
	{ .nr = SCMP_SYS(restart_syscall) }, /* the kernel's own, after a stop */
	{ .nr = SCMP_SYS(rt_sigreturn) }, /* leaving a signal frame */
	{ .nr = SCMP_SYS(exit_group) }, /* the end */
};

/* EAL's thread for interrupts and alarms: the engine uses neither after start. */
static const struct rule eal_rules[] = {
	{ .nr = SCMP_SYS(epoll_wait) },
	{ .nr = SCMP_SYS(epoll_pwait) },
	{ .nr = SCMP_SYS(read) },
	{ .nr = SCMP_SYS(restart_syscall) },
	{ .nr = SCMP_SYS(rt_sigreturn) },
	{ .nr = SCMP_SYS(exit_group) },
};

static const struct rule control_rules[] = {
	{ .nr = SCMP_SYS(epoll_wait) }, /* its loop */
	{ .nr = SCMP_SYS(epoll_pwait) },
	{ .nr = SCMP_SYS(epoll_ctl) }, /* a new connection */
	{ .nr = SCMP_SYS(accept4) },
	{ .nr = SCMP_SYS(recvmsg) }, /* messages and fds */
	{ .nr = SCMP_SYS(sendmsg) },
	{ .nr = SCMP_SYS(getsockopt), 1, { ARG_IS(1, SOL_SOCKET) } }, /* SO_PEERCRED, SO_DOMAIN */
	{ .nr = SCMP_SYS(setsockopt), 2, { ARG_IS(1, SOL_SOCKET), ARG_IS(2, SO_SNDTIMEO) } },
	{ .nr = SCMP_SYS(ioctl), 1, { ARG_IS(1, TUNGETIFF) } }, /* is this fd a tap? */
	{ .nr = SCMP_SYS(ioctl), 1, { ARG_IS(1, TUNGETVNETHDRSZ) } },
	{ .nr = SCMP_SYS(fcntl), 1, { ARG_IS(1, F_GET_SEALS) } }, /* is this memfd sealed? */
	{ .nr = SCMP_SYS(fcntl), 2, { ARG_IS(1, F_SETFL), ARG_IS(2, O_NONBLOCK) } }, /* taps */
	{ .nr = SCMP_SYS(preadv2) }, /* is this fd of a VMM an eventfd? */
	{ .nr = SCMP_SYS(io_submit) }, /* calls of vhost-user guests, without waiting */
	{ .nr = SCMP_SYS(io_getevents) },
	{ .nr = SCMP_SYS(poll) },
	{ .nr = SCMP_SYS(ppoll) },
	{ .nr = SCMP_SYS(shutdown) }, /* a VMM that is hung up on */
	{ .nr = SCMP_SYS(fstatfs) }, /* is this file guest memory? */
	{ .nr = SCMP_SYS(madvise) }, /* guest memory in no core dump */
	{ .nr = SCMP_SYS(fstat) }, /* size of memfds */
	{ .nr = SCMP_SYS(newfstatat), 1, { ARG_IS(3, AT_EMPTY_PATH) } }, /* what fstat(3) calls */
	{ .nr = SCMP_SYS(pread64) }, /* snapshots */
	{ .nr = SCMP_SYS(mmap), 1, { ARG_LACKS(2, PROT_EXEC) } }, /* segments, rings, malloc */
	{ .nr = SCMP_SYS(munmap) },
	{ .nr = SCMP_SYS(brk) },
	{ .nr = SCMP_SYS(close) },
	{ .nr = SCMP_SYS(read) }, /* eventfd of the workers */
	{ .nr = SCMP_SYS(write) }, /* wake-ups of the workers; the log */
	{ .nr = SCMP_SYS(clock_nanosleep) }, /* until a worker has passed a burst */
	{ .nr = SCMP_SYS(clock_gettime) },
	{ .nr = SCMP_SYS(getpid) }, /* HELLO_OK */
	{ .nr = SCMP_SYS(getrandom) }, /* secrets of new tables */
	{ .nr = SCMP_SYS(futex) }, /* locks of libc */
	{ .nr = SCMP_SYS(restart_syscall) },
	{ .nr = SCMP_SYS(rt_sigreturn) },
	{ .nr = SCMP_SYS(exit_group) },
};

#ifdef SAKLAR_SANITIZED
/* Instrumented builds allocate, unwind and report in any thread; they never ship. */
static const int sanitizer_calls[] = {
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(openat),
	SCMP_SYS(close),
	SCMP_SYS(readlink),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(prctl),
	SCMP_SYS(getrusage),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(ioctl),
	SCMP_SYS(fcntl),
	SCMP_SYS(socketpair),
	SCMP_SYS(pipe2),
	SCMP_SYS(mincore),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(mremap),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(dup),
	SCMP_SYS(access),
	SCMP_SYS(unlink),
	SCMP_SYS(getcwd),
	SCMP_SYS(pipe),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(readlinkat),
};
#endif

static int rules_add(scmp_filter_ctx ctx, const struct rule *rules, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (rules[i].nr < 0)
			continue; /* libseccomp's number for a call that this machine does not have */
		rc = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, rules[i].nr, rules[i].n_args, rules[i].arg);
	}
#ifdef SAKLAR_SANITIZED
	for (size_t i = 0; i < ARRAY_LEN(sanitizer_calls) && rc == 0; i++)
		if (sanitizer_calls[i] >= 0)
			rc = seccomp_rule_add_array(
				ctx, SCMP_ACT_ALLOW, sanitizer_calls[i], 0, NULL);
#endif
	return rc;
}

static int filter_install(uint32_t otherwise, const struct rule *rules, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int rc;

	if (!ctx)
		return -ENOMEM;
	/* calls of another architecture or of x32 are never ours */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = rules_add(ctx, rules, n);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

int sandbox_confine_worker(void)
{
	return filter_install(SCMP_ACT_KILL_PROCESS, worker_rules, ARRAY_LEN(worker_rules));
}

int sandbox_confine_eal(void)
{
	return filter_install(SCMP_ACT_KILL_PROCESS, eal_rules, ARRAY_LEN(eal_rules));
}

static _Atomic uint64_t *denied_count;

/* A refused call: count it and make it look like an ordinary failure. */
static void on_sigsys(int, siginfo_t *, void *context)
{
	ucontext_t *uc = context;

	atomic_fetch_add_explicit(denied_count, 1, memory_order_relaxed);
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
#error "where does this machine return the result of a system call?"
#endif
}

int sandbox_confine_control(_Atomic uint64_t *denied)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	denied_count = denied;
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return -errno;
	return filter_install(SCMP_ACT_TRAP, control_rules, ARRAY_LEN(control_rules));
}
