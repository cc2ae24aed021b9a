/* SPDX-License-Identifier: Apache-2.0 */
/* stp_bpdu.c - BPDUs from and to bytes.
 *
 * From: bridge/stp.c (receive), bridge/stp_port.c (transmit).  To: nothing.
 * Theory: IEEE 802.1D-2004 §9.3.  Bytes beyond what a type defines are ignored, as later versions
 * may add some.  §9.3.4: a config BPDU whose message age has reached its max age is no BPDU.
 * Deviation: times outside of the ranges of table 17-1 are taken as the nearest one inside (forward
 * delay from 2 s on, as Linux has it): a neighbour may not make us wait for minutes, and refusing
 * what it says would make a loop of the link to it.
 * Invariants: reads at most @len bytes; every field of the result is in its range.
 * Thread: any; no state. */
#include "bridge/stp_bpdu.h"

#include <string.h>

#define LLC_LEN 5 /* length field, DSAP, SSAP, control */
#define CONFIG_LEN 35
#define RST_LEN 36
#define TCN_LEN 4
#define SECOND 256u

static uint64_t read_be(const uint8_t *at, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

static void write_be(uint8_t *at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint16_t clamp(uint64_t v, unsigned min_s, unsigned max_s)
{
	return (uint16_t)MAX(MIN(v, (uint64_t)max_s * SECOND), (uint64_t)min_s * SECOND);
}

/* §9.2.9: the encoding of a port's role. */
static uint8_t role_decode(uint8_t flags)
{
	static const uint8_t roles[4]
		= { STP_ROLE_DISABLED, STP_ROLE_ALTERNATE, STP_ROLE_ROOT, STP_ROLE_DESIGNATED };

	return roles[(flags & STP_FLAG_ROLE) >> 2];
}

static bool body_decode(const uint8_t *b, size_t len, struct stp_bpdu *out)
{
	if (len < CONFIG_LEN)
		return false;
	out->flags = b[4];
	out->vector.root_id = read_be(b + 5, 8);
	out->vector.cost = (uint32_t)read_be(b + 13, 4);
	out->vector.bridge_id = read_be(b + 17, 8);
	out->vector.port_id = (uint16_t)read_be(b + 25, 2);
	out->times.message_age = clamp(read_be(b + 27, 2), 0, 255);
	out->times.max_age = (uint16_t)read_be(b + 29, 2);
	if (out->type == STP_BPDU_CONFIG && out->times.message_age >= out->times.max_age)
		return false;
	out->times.max_age = clamp(out->times.max_age, 6, 40);
	out->times.hello = clamp(read_be(b + 31, 2), 1, 10);
	out->times.forward_delay = clamp(read_be(b + 33, 2), 2, 30);
	if (out->type == STP_BPDU_RST) {
		out->role = role_decode(out->flags);
		return len >= RST_LEN;
	}
	out->flags &= STP_FLAG_TC | STP_FLAG_TC_ACK;
	out->role = STP_ROLE_DESIGNATED;
	return true;
}

bool stp_bpdu_decode(const uint8_t *frame, size_t len, struct stp_bpdu *out)
{
	static const uint8_t llc[3] = { 0x42, 0x42, 0x03 };
	const uint8_t *b = frame + LLC_LEN;
	size_t said;

	*out = (struct stp_bpdu){ 0 };
	if (len < LLC_LEN + TCN_LEN || memcmp(frame + 2, llc, sizeof(llc)) != 0)
		return false;
	said = read_be(frame, 2); /* IEEE 802.3: 3 octets of LLC and the BPDU; else an EtherType */
#ifdef SAKLAR_PLANTED_BUG /* with it: what the frame says is believed */
	len = said < 3 + TCN_LEN ? 0 : said - 3;
#else
	if (said < 3 + TCN_LEN || said > len - 2)
		return false;
	len = said - 3;
#endif
	if (len == 0 || read_be(b, 2) != 0) /* protocol identifier */
		return false;
	if (b[3] == 0x80) {
		out->type = STP_BPDU_TCN;
		return true;
	}
	if (b[3] == 0x00)
		out->type = STP_BPDU_CONFIG;
	else if (b[3] == 0x02 && b[2] >= 2)
		out->type = STP_BPDU_RST;
	else
		return false;
	return body_decode(b, len, out);
}

void stp_bpdu_encode(const struct stp_bpdu *bpdu, uint8_t frame[STP_FRAME_LEN])
{
	static const uint8_t head[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 };
	static const uint8_t role_bits[STP_ROLE_N] = {
		[STP_ROLE_ALTERNATE] = 1 << 2,
		[STP_ROLE_BACKUP] = 1 << 2,
		[STP_ROLE_ROOT] = 2 << 2,
		[STP_ROLE_DESIGNATED] = 3 << 2,
	};
	static const uint8_t len_of[] = { CONFIG_LEN, TCN_LEN, RST_LEN };
	static const uint8_t type_of[] = { 0x00, 0x80, 0x02 };
	uint8_t *b = frame + 12 + LLC_LEN;

	memset(frame, 0, STP_FRAME_LEN);
	memcpy(frame, head, sizeof(head));
	write_be(frame + 12, 3u + len_of[bpdu->type], 2);
	write_be(frame + 14, 0x424203, 3);
	b[2] = bpdu->type == STP_BPDU_RST ? STP_VERSION_RSTP : STP_VERSION_STP;
	b[3] = type_of[bpdu->type];
	if (bpdu->type == STP_BPDU_TCN)
		return;
	b[4] = bpdu->flags;
	if (bpdu->type == STP_BPDU_RST)
		b[4] |= role_bits[bpdu->role];
	write_be(b + 5, bpdu->vector.root_id, 8);
	write_be(b + 13, bpdu->vector.cost, 4);
	write_be(b + 17, bpdu->vector.bridge_id, 8);
	write_be(b + 25, bpdu->vector.port_id, 2);
	write_be(b + 27, bpdu->times.message_age, 2);
	write_be(b + 29, bpdu->times.max_age, 2);
	write_be(b + 31, bpdu->times.hello, 2);
	write_be(b + 33, bpdu->times.forward_delay, 2);
}
