/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_double.h - the programs of vif/netdev.bpf.c, run in the test's process on segments of its own.
 *
 * It is their very source, with doubles for the kernel's helpers: what a pipeline test expects of the
 * pipeline is expected of them too.  Thread: one. */
#pragma once

#include "vswitch/abi/limits.h"

struct kernel_double {
	uint8_t *verdicts; /* SEGMENT_VERDICT */
	uint8_t *fdb; /* SEGMENT_FDB */
	uint8_t *ct; /* the first .ct_size bytes of SEGMENT_CT */
	size_t ct_size;
	uint8_t *neigh; /* SEGMENT_NEIGH */
	uint8_t head[256]; /* of the frame as it leaves */
	uint32_t ports[VIF_ID_MAX]; /* ifindex by vif id */
	uint64_t now_ns;
	bool has_no_socket; /* as when engine and daemon are dead: no filter runs */
	bool may_lose; /* a frame that is nobody's is no failure */
};

struct kernel_frame {
	const uint8_t *bytes; /* at least the first 128 of them, or all */
	uint32_t linear;
	uint32_t len;
	uint32_t gso_size;
	uint32_t ifindex;
	uint16_t csum_start; /* of a checksum that is partial; 0: it is whole */
};

#define KERNEL_LOST UINT32_MAX /* kept from the engine, and then no way out; only with .may_lose */
/* What becomes of @f: the ifindex it is redirected to, and then .head has its first bytes; 0: the engine's
 * socket gets it. */
uint32_t kernel_double_run(struct kernel_double *k, const struct kernel_frame *f);
