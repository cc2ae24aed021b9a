/* SPDX-License-Identifier: Apache-2.0 */
/* capture_text.c - words about a captured packet: its fate, and one line of our own.
 *
 * From: capture_stream.c (comments), capture_sink.c and capture_tcpdump.c (lines).
 * Theory: numbers come from an engine that may have been taken over, so each is looked up with its
 * bound.  Invariants: outputs are terminated and printable.  Thread: any. */
#include "tools/capture_text.h"

#include "vswitch/abi/drop_reasons.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/netaddr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* By the number in capture_record.gso_type. */
static const char *const gso_names[] = { "none", "tcp4", "tcp6", "udp" };

const char *capture_dir_text(const struct ring_frame *f)
{
	return f->dir == CAPTURE_DIR_IN ? "in" : f->dir == CAPTURE_DIR_OUT ? "out" : "?";
}

static bool is_known_reason(const struct ring_frame *f)
{
	return f->drop_reason < DROP_N && drop_reason_texts[f->drop_reason].name;
}

char *capture_reason_text(const struct ring_frame *f, char *out, size_t size)
{
	if (f->drop_reason == DROP_NONE)
		snprintf(out, size, "%s", "");
	else if (is_known_reason(f))
		snprintf(out, size, "%s", drop_reason_texts[f->drop_reason].name);
	else
		snprintf(out, size, "reason %u", f->drop_reason);
	return out;
}

char *capture_comment(const struct ring_frame *f, char *out, size_t size)
{
	char reason[64];
	int n = 0;

	out[0] = '\0';
	if (f->drop_reason != DROP_NONE)
		n = snprintf(out, size, "dropped: %s%s%s",
			capture_reason_text(f, reason, sizeof(reason)),
			is_known_reason(f) ? " - " : "",
			is_known_reason(f) ? drop_reason_texts[f->drop_reason].doc : "");
	if (f->gso_size && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "%sgso %s size %u", n ? "; " : "",
			f->gso_type < ARRAY_LEN(gso_names) ? gso_names[f->gso_type] : "unknown",
			f->gso_size);
	return out;
}

static void print_time(uint64_t wall_ns, char *out, size_t size)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm;

	if (!localtime_r(&seconds, &tm)) {
		snprintf(out, size, "?");
		return;
	}
	snprintf(out, size, "%02d:%02d:%02d.%06u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(wall_ns % NS_PER_SEC / NS_PER_US));
}

static const char *ethertype_name(unsigned type)
{
	static const struct {
		unsigned type;
		const char *name;
	} names[] = {
		{ 0x0800, "IPv4" },
		{ 0x0806, "ARP" },
		{ 0x86dd, "IPv6" },
		{ 0x8100, "802.1Q" },
		{ 0x88a8, "802.1ad" },
		{ 0x88cc, "LLDP" },
		{ 0x8035, "RARP" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return type < 0x600 ? "802.3" : "ethertype";
}

char *capture_line(const struct ring_frame *f, const char *vif_name, char *out, size_t size)
{
	char when[40];
	char src[MAC_STR_LEN] = "?";
	char dst[MAC_STR_LEN] = "?";
	char reason[64];
	unsigned type = 0;
	struct mac mac;

	print_time(f->wall_ns, when, sizeof(when));
	capture_reason_text(f, reason, sizeof(reason));
	if (f->cap_len >= 14) {
		memcpy(mac.b, f->bytes, sizeof(mac.b));
		mac_print(&mac, dst);
		memcpy(mac.b, f->bytes + 6, sizeof(mac.b));
		mac_print(&mac, src);
		type = (unsigned)f->bytes[12] << 8 | f->bytes[13];
	}
	snprintf(out, size, "%s %-15s %-3s %s > %s %s 0x%04x length %" PRIu32 "%s%s", when,
		vif_name, capture_dir_text(f), src, dst, ethertype_name(type), type, f->orig_len,
		reason[0] ? "  dropped: " : "", reason);
	return out;
}
