/* SPDX-License-Identifier: Apache-2.0 */
/* expect.h - what came out of a mem vif, compared with what should; failures show both, decoded. */
#pragma once

#include "tests/lib/pkt_build.h"

/* One line about a frame: addresses, tags, protocols, lengths, offloads. */
const char *frame_print(const uint8_t *bytes, uint32_t len, const struct mem_offload *offload,
	char *buf, size_t size);

/* The oldest frame that @v sent is @want, byte by byte and with its offload metadata. */
void expect_frame(struct vif *v, const struct frame *want, const char *file, int line);
/* @v has sent nothing (more). */
void expect_nothing(struct vif *v, const char *file, int line);
