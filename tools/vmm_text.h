/* SPDX-License-Identifier: Apache-2.0 */
/* vmm_text.h - what to paste into a VMM so that it opens a vif's tap. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

struct vmm_nic {
	const char *name; /* of the vif */
	const char *type; /* "tap", ...; others are refused */
	const char *dev; /* the tap's name */
	const char *mac; /* "" when not known */
	uint32_t queues; /* 0 is 1 */
	uint32_t mtu; /* 0 is not known */
};

/* One line of arguments into @out, quoted for a shell.  0, or -errno with @e. */
[[nodiscard]] int vmm_qemu_args(const struct vmm_nic *nic, char *out, size_t size, struct err *e);
/* An <interface> element into @out.  0, or -errno with @e. */
[[nodiscard]] int vmm_libvirt_xml(const struct vmm_nic *nic, char *out, size_t size, struct err *e);
/* Why libvirt may not keep the device's name, or NULL. */
const char *vmm_libvirt_remark(const struct vmm_nic *nic);
