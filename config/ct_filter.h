/* SPDX-License-Identifier: Apache-2.0 */
/* ct_filter.h - which connections somebody wants to see.  Thread: any; no state. */
#pragma once

#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"
#include "vswitch/base/netaddr.h"

#include <jansson.h>

struct ct_filter {
	bool has_proto, has_net, has_port;
	uint8_t proto;
	uint8_t state; /* enum ct_state; 0: any */
	uint16_t port;
	struct ipnet net; /* host bits may be set */
	const char *nat; /* one of "none", "source", "destination", "both"; NULL: any */
};

/* The optional fields proto, address, port, state and nat of @params.  0 or -EINVAL with @e. */
[[nodiscard]] int ct_filter_parse(const json_t *params, struct ct_filter *out, struct err *e);
/* Any address or port of it counts, before and behind a translation. */
bool ct_filter_takes(const struct ct_filter *f, const struct msg_ct_entry *c);
/* What is translated, as one of the words of .nat. */
const char *ct_filter_nat(const struct msg_ct_entry *c);
/* "tcp", "icmpv6", ...; NULL: it has a number only. */
const char *ct_filter_proto_name(uint8_t proto);
const char *ct_filter_state_name(uint8_t state);
