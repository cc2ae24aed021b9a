/* SPDX-License-Identifier: Apache-2.0 */
/* vmm_text.h - what to paste into a VMM so that it reaches a vif: by its tap, or by its vhost-user socket. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

struct vmm_nic {
	const char *name; /* of the vif */
	const char *type; /* "tap", "vhost-user"; others are refused */
	const char *dev; /* the tap's name */
	const char *socket; /* vhost-user: its path */
	bool is_client; /* vhost-user: the VMM listens */
	const char *network; /* its name; "": none */
	const char *mac; /* "" when not known */
	uint32_t queues; /* 0 is 1 */
	uint32_t mtu; /* 0 is not known */
};

/* One line of arguments into @out, quoted for a shell.  0, or -errno with @e. */
[[nodiscard]] int vmm_qemu_args(const struct vmm_nic *nic, char *out, size_t size, struct err *e);
/* An <interface> element into @out.  0, or -errno with @e. */
[[nodiscard]] int vmm_libvirt_xml(const struct vmm_nic *nic, char *out, size_t size, struct err *e);
/* The line of an xl configuration.  0, or -errno with @e. */
[[nodiscard]] int vmm_xl_line(const struct vmm_nic *nic, char *out, size_t size, struct err *e);
/* What else the domain needs, or why libvirt may not keep the device's name; NULL: nothing to say. */
const char *vmm_libvirt_remark(const struct vmm_nic *nic);
