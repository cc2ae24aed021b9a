/* SPDX-License-Identifier: Apache-2.0 */
/* stp_bpdu.h - BPDUs on the wire: IEEE 802.1D-2004 clause 9.  For bridge/stp*.c only. */
#pragma once

#include "bridge/stp.h"

enum stp_bpdu_type {
	STP_BPDU_CONFIG,
	STP_BPDU_TCN,
	STP_BPDU_RST,
};

enum stp_bpdu_flag {
	STP_FLAG_TC = 1u << 0,
	STP_FLAG_PROPOSAL = 1u << 1,
	STP_FLAG_ROLE = 3u << 2,
	STP_FLAG_LEARNING = 1u << 4,
	STP_FLAG_FORWARDING = 1u << 5,
	STP_FLAG_AGREEMENT = 1u << 6,
	STP_FLAG_TC_ACK = 1u << 7,
};

struct stp_bpdu {
	enum stp_bpdu_type type;
	uint8_t flags; /* enum stp_bpdu_flag; of a config BPDU: TC and TC_ACK only */
	uint8_t role; /* enum stp_role; DISABLED: an RST BPDU that does not say */
	struct stp_vector vector; /* without .rx_port_id */
	struct stp_times times;
};

/* What stands behind the addresses of a frame; false: cannot be a BPDU. */
[[nodiscard]] bool stp_bpdu_decode(const uint8_t *frame, size_t len, struct stp_bpdu *out);
/* A whole frame, its source address zeros. */
void stp_bpdu_encode(const struct stp_bpdu *bpdu, uint8_t frame[STP_FRAME_LEN]);
