/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng.c - blocks of the pcapng format, as far as captures need them.
 *
 * From: capture_sink.c.  To: wire.h.
 * Theory: draft-ietf-opsawg-pcapng §3.1: block type, total length, body padded to 32 bits, total
 * length again; §3.5: options are code, length, value padded to 32 bits, ended by code 0.
 * libpcap can write only the older format, which has neither interfaces nor comments.
 * Invariants: every block's length is a multiple of 4.  Thread: any. */
#include "tools/pcapng.h"

#include <string.h>

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option_code {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_SHB_USERAPPL = 4,
	OPTION_IF_NAME = 2,
	OPTION_IF_DESCRIPTION = 3,
	OPTION_IF_TSRESOL = 9,
	OPTION_IF_FILTER = 11,
	OPTION_EPB_FLAGS = 2,
	OPTION_ISB_IFRECV = 4,
	OPTION_ISB_IFDROP = 5,
};

#define LINKTYPE_ETHERNET 1
#define TSRESOL_NS 9
#define TEXT_MAX 240

static void put16(struct wire_writer *w, uint16_t v)
{
	wire_put(w, &v, sizeof(v));
}

static void put32(struct wire_writer *w, uint32_t v)
{
	wire_put(w, &v, sizeof(v));
}

/* Times and counters: two words, the upper one first in either byte order. */
static void put_time(struct wire_writer *w, uint64_t v)
{
	put32(w, (uint32_t)(v >> 32));
	put32(w, (uint32_t)v);
}

static void put_padded(struct wire_writer *w, const void *bytes, size_t len)
{
	static const uint8_t zeros[4];

	wire_put(w, bytes, len);
	wire_put(w, zeros, -len & 3u);
}

static void option(struct wire_writer *w, uint16_t code, const void *bytes, size_t len)
{
	put16(w, code);
	put16(w, (uint16_t)len);
	put_padded(w, bytes, len);
}

static void option_text(struct wire_writer *w, uint16_t code, const char *text)
{
	if (text && text[0])
		option(w, code, text, strnlen(text, TEXT_MAX));
}

static uint8_t *begin(struct wire_writer *w, uint32_t type)
{
	uint8_t *block = w->at;

	put32(w, type);
	put32(w, 0); /* end() fills it in */
	return block;
}

static void end(struct wire_writer *w, uint8_t *block)
{
	put32(w, OPTION_END); /* code and length, both zero */
	uint32_t len = (uint32_t)(w->at - block) + 4;

	put32(w, len);
	if (!w->failed)
		memcpy(block + 4, &len, sizeof(len));
}

void pcapng_section(struct wire_writer *w, const char *application)
{
	const uint64_t length_unknown = UINT64_MAX;
	uint8_t *block = begin(w, BLOCK_SECTION);

	put32(w, 0x1a2b3c4d); /* tells the reader our byte order */
	put16(w, 1); /* version 1.0 */
	put16(w, 0);
	wire_put(w, &length_unknown, sizeof(length_unknown));
	option_text(w, OPTION_SHB_USERAPPL, application);
	end(w, block);
}

void pcapng_interface(struct wire_writer *w, const char *name, const char *description,
	const char *filter, uint32_t snaplen)
{
	static const uint8_t tsresol = TSRESOL_NS;
	uint8_t *block = begin(w, BLOCK_INTERFACE);

	put16(w, LINKTYPE_ETHERNET);
	put16(w, 0);
	put32(w, snaplen);
	option_text(w, OPTION_IF_NAME, name);
	option_text(w, OPTION_IF_DESCRIPTION, description);
	option(w, OPTION_IF_TSRESOL, &tsresol, sizeof(tsresol));
	if (filter && filter[0]) {
		char text[TEXT_MAX] = ""; /* first byte 0: an expression of libpcap's language */
		size_t len = strnlen(filter, sizeof(text) - 1);

		memcpy(text + 1, filter, len);
		option(w, OPTION_IF_FILTER, text, len + 1);
	}
	end(w, block);
}

void pcapng_packet(struct wire_writer *w, const struct pcapng_packet *p)
{
	uint8_t *block = begin(w, BLOCK_PACKET);
	uint32_t flags = p->dir;

	put32(w, p->interface);
	put_time(w, p->wall_ns);
	put32(w, p->cap_len);
	put32(w, p->orig_len);
	put_padded(w, p->bytes, p->cap_len);
	option_text(w, OPTION_COMMENT, p->comment);
	if (flags)
		option(w, OPTION_EPB_FLAGS, &flags, sizeof(flags));
	end(w, block);
}

void pcapng_statistics(struct wire_writer *w, const struct pcapng_stats *s)
{
	uint8_t *block = begin(w, BLOCK_STATISTICS);

	put32(w, s->interface);
	put_time(w, s->wall_ns);
	option_text(w, OPTION_COMMENT, s->comment);
	option(w, OPTION_ISB_IFRECV, &s->received, sizeof(s->received));
	option(w, OPTION_ISB_IFDROP, &s->dropped, sizeof(s->dropped));
	end(w, block);
}
