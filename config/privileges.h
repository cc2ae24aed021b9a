/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.h - what saklard may do as root, each capability with its reason. */
#pragma once

#include "vswitch/base/err.h"

struct privilege {
	int capability;
	const char *name; /* "cap_net_admin" */
	const char *reason;
};
extern const struct privilege privileges[];
extern const unsigned n_privileges;

/* Raise the number of open files: every vif takes some, and 1,024 is the usual limit.  As far as it
 * goes; what does not fit is refused when it is opened. */
void privileges_raise_limits(void);
/* Drop every capability that is not in the table, from the bounding set too, and forbid gaining
 * any (no_new_privs).  Of what was not there to begin with nothing is said. */
[[nodiscard]] int privileges_drop(struct err *e);
