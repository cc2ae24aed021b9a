/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng.h - blocks of the pcapng format (draft-ietf-opsawg-pcapng), as far as captures need them.
 *
 * Each function appends one whole block in host byte order; look at .failed of the writer.  Order
 * in a file: one section header, then interfaces (numbered from 0 as they come), packets and
 * statistics, each interface before what refers to it. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/wire.h"

#define PCAPNG_OVERHEAD 1024 /* bytes that a block has at most beside packet bytes */

enum pcapng_dir { /* epb_flags, bits 0-1 */
	PCAPNG_DIR_UNKNOWN = 0,
	PCAPNG_DIR_IN = 1,
	PCAPNG_DIR_OUT = 2,
};

struct pcapng_packet {
	uint32_t interface;
	uint64_t wall_ns;
	const uint8_t *bytes;
	uint32_t cap_len;
	uint32_t orig_len;
	enum pcapng_dir dir;
	const char *comment; /* "" or NULL: none */
};

struct pcapng_stats {
	uint32_t interface;
	uint64_t wall_ns;
	uint64_t received;
	uint64_t dropped;
	const char *comment;
};

void pcapng_section(struct wire_writer *w, const char *application);
/* Ethernet, times in nanoseconds.  @description and @filter may be "" or NULL. */
void pcapng_interface(struct wire_writer *w, const char *name, const char *description,
	const char *filter, uint32_t snaplen);
void pcapng_packet(struct wire_writer *w, const struct pcapng_packet *p);
void pcapng_statistics(struct wire_writer *w, const struct pcapng_stats *s);
