/* SPDX-License-Identifier: Apache-2.0 */
/* rate_text.h - what a vif may send and get, as administrators write it.
 *
 * Words, with blanks or commas between; directions are the guest's, as libvirt and xl have them:
 *   10Mb/s            the guest sends at most this, as xl's rate= says; b bits, B bytes, K M G of 1000
 *   10Mb/s@50ms       the same; the interval says how much may go at once
 *   inbound=20Mb/s    what is sent to the guest; outbound=: what it sends; both=: each of them
 *   inbound=1000,5000,1024            average and peak in KiB/s and burst in KiB, as virsh has it
 *   outbound average=1000 burst=128   the same with names; a number may have a unit of its own
 *   off               no limit
 *   <bandwidth><inbound average='1000' peak='5000' burst='1024'/></bandwidth>   libvirt's element */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

#define RATE_TEXT_LEN 256

struct rate_limit {
	uint64_t average; /* bytes a second; 0: no limit */
	uint64_t peak; /* bytes a second; 0: none */
	uint64_t burst; /* bytes */
};
struct vif_rate {
	struct rate_limit out, in; /* what the guest sends; what it gets */
};

/* 0, or -EINVAL with @e, which names the word and the rule. */
[[nodiscard]] int rate_text_parse(
	const char *text, const char *path, struct vif_rate *out, struct err *e);
/* The same text for the same limits, readable by rate_text_parse(); "" without any. */
const char *rate_text_print(const struct vif_rate *r, char buf[RATE_TEXT_LEN]);
