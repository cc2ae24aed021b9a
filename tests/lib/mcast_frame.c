/* SPDX-License-Identifier: Apache-2.0 */
/* mcast_frame.c - makes IGMP, MLD, PIM and data frames for tests; see mcast_frame.h.
 *
 * From: tests/pipeline, tests/conformance.  Thread: one. */
#include "tests/lib/mcast_frame.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX 64
#define MSG_MAX 1400

struct wish {
	unsigned host;
	bool is_v4;
	bool has_group; /* .addr names one; else all */
	bool has_dst, has_src, is_suppressed, has_bad_csum;
	unsigned delay_tenths, cut;
	unsigned n_sources;
	uint8_t group[16]; /* IPv4 in the first four */
	uint8_t source[SOURCES_MAX][16];
	uint8_t dst[16], src[16];
	uint8_t proto;
	unsigned len;
	uint8_t msg[MSG_MAX];
};

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* 4 or 6: what family @text is of; 0: none. */
static int addr_read(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 6 : 0;
}

static void addr6(uint8_t out[16], const char *text)
{
	(void)inet_pton(AF_INET6, text, out);
}

static unsigned sum(const uint8_t *at, unsigned len, unsigned from)
{
	for (unsigned i = 0; i < len; i++)
		from += i % 2 ? at[i] : (unsigned)at[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void dst_default(struct wish *w, const char *v4, const char *v6)
{
	if (!w->has_dst)
		addr_read(w->is_v4 ? v4 : v6, w->dst);
}

/* IGMPv1, v2 and MLDv1 messages. */
static void put_simple(struct wish *w, unsigned type4, unsigned type6)
{
	w->proto = w->is_v4 ? 2 : 58;
	w->len = w->is_v4 ? 8 : 24;
	w->msg[0] = (uint8_t)(w->is_v4 ? type4 : type6);
	if (w->has_group)
		memcpy(w->msg + (w->is_v4 ? 4 : 8), w->group, w->is_v4 ? 4 : 16);
}

static void put_sources(struct wish *w)
{
	for (unsigned i = 0; i < w->n_sources; i++) {
		memcpy(w->msg + w->len, w->source[i], w->is_v4 ? 4 : 16);
		w->len += w->is_v4 ? 4 : 16;
	}
}

static void put_record(struct wish *w, unsigned type)
{
	w->proto = w->is_v4 ? 2 : 58;
	w->msg[0] = w->is_v4 ? 0x22 : 143;
	put16(w->msg + 6, 1);
	w->msg[8] = (uint8_t)type;
	put16(w->msg + 10, w->n_sources);
	memcpy(w->msg + 12, w->group, w->is_v4 ? 4 : 16);
	w->len = w->is_v4 ? 16 : 28;
	put_sources(w);
	dst_default(w, "224.0.0.22", "ff02::16");
}

static void put_query(struct wish *w, unsigned version)
{
	put_simple(w, 0x11, 130);
	if (w->is_v4)
		w->msg[1] = (uint8_t)w->delay_tenths;
	else
		put16(w->msg + 4, w->delay_tenths * 100);
	if (version == 3) {
		w->msg[w->len] = (uint8_t)(2 | (w->is_suppressed ? 8 : 0));
		w->msg[w->len + 1] = 125;
		put16(w->msg + w->len + 2, w->n_sources);
		w->len += 4;
		put_sources(w);
	}
	if (w->has_group && !w->has_dst)
		memcpy(w->dst, w->group, 16);
	else
		dst_default(w, "224.0.0.1", "ff02::1");
}

static void put_udp(struct wish *w)
{
	w->proto = 17;
	w->len = 8 + 20;
	memset(w->msg, 0x5a, w->len);
	put16(w->msg, 4000);
	put16(w->msg + 2, 4001);
	put16(w->msg + 4, w->len);
	put16(w->msg + 6, 0);
	if (!w->has_dst)
		memcpy(w->dst, w->group, 16);
	if (w->n_sources > 0)
		memcpy(w->src, w->source[0], 16);
}

static bool put_message(struct wish *w, const char *kind)
{
	static const char *const records[]
		= { "is_in", "is_ex", "to_in", "to_ex", "allow", "block" };

	if (strcmp(kind, "join") == 0 || strcmp(kind, "join1") == 0) {
		put_simple(w, kind[4] ? 0x12 : 0x16, 131);
		if (!w->has_dst)
			memcpy(w->dst, w->group, 16);
	} else if (strcmp(kind, "leave") == 0) {
		put_simple(w, 0x17, 132);
		dst_default(w, "224.0.0.2", "ff02::2");
	} else if (strncmp(kind, "query", 5) == 0) {
		put_query(w, kind[5] ? (unsigned)kind[5] - '0' : 2);
		if (kind[5] == '1')
			w->msg[1] = 0;
	} else if (strcmp(kind, "pim") == 0) {
		w->proto = 103;
		w->len = 4;
		w->msg[0] = 0x20;
		dst_default(w, "224.0.0.13", "ff02::d");
	} else if (strcmp(kind, "mrd") == 0) {
		put_simple(w, 0x30, 151);
		w->len = w->is_v4 ? 8 : 24;
		dst_default(w, "224.0.0.106", "ff02::6a");
	} else if (strcmp(kind, "data") == 0) {
		put_udp(w);
	} else {
		for (unsigned i = 0; i < 6; i++)
			if (strcmp(kind, records[i]) == 0) {
				put_record(w, i + 1);
				return true;
			}
		return false;
	}
	return true;
}

static unsigned frame_ip4(const struct wish *w, uint8_t *ip, uint8_t *out)
{
	unsigned hdr = w->proto == 2 ? 24 : 20, len = w->len - w->cut;

	memcpy(out, (const uint8_t[4]){ 1, 0, 0x5e, w->dst[1] & 0x7f }, 4);
	memcpy(out + 4, w->dst + 2, 2);
	put16(out + 12, 0x0800);
	ip[0] = (uint8_t)(0x40 | hdr / 4);
	put16(ip + 2, hdr + len);
	ip[8] = w->proto == 17 ? 16 : 1;
	ip[9] = w->proto;
	memcpy(ip + 12, w->src, 4);
	memcpy(ip + 16, w->dst, 4);
	if (hdr == 24) {
		ip[20] = 0x94;
		ip[21] = 4;
	}
	put16(ip + 10, 0xffff ^ sum(ip, hdr, 0));
	memcpy(ip + hdr, w->msg, len);
	if (w->proto == 2 || w->proto == 103)
		put16(ip + hdr + 2, (0xffff ^ sum(ip + hdr, len, 0)) ^ w->has_bad_csum);
	return 14 + hdr + len;
}

static unsigned frame_ip6(const struct wish *w, uint8_t *ip, uint8_t *out)
{
	static const uint8_t hop_by_hop[8] = { 58, 0, 5, 2, 0, 0, 1, 0 };
	unsigned ext = w->proto == 58 ? 8 : 0, len = w->len - w->cut;
	uint8_t *msg = ip + 40 + ext;

	memcpy(out, (const uint8_t[2]){ 0x33, 0x33 }, 2);
	memcpy(out + 2, w->dst + 12, 4);
	put16(out + 12, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, ext + len);
	ip[6] = ext ? 0 : w->proto;
	ip[7] = w->proto == 17 ? 16 : 1;
	memcpy(ip + 8, w->src, 16);
	memcpy(ip + 24, w->dst, 16);
	memcpy(ip + 40, hop_by_hop, ext);
	memcpy(msg, w->msg, len);
	if (w->proto == 58)
		put16(msg + 2,
			(0xffff ^ sum(msg, len, sum(ip + 8, 32, len + 58u))) ^ w->has_bad_csum);
	else
		put16(msg + 6, 0xffff ^ sum(msg, len, sum(ip + 8, 32, len + w->proto)));
	return 14 + 40 + ext + len;
}

static bool read_word(struct wish *w, char *word)
{
	char *save = NULL;

	if (strncmp(word, "delay=", 6) == 0) {
		w->delay_tenths = (unsigned)strtoul(word + 6, NULL, 10);
	} else if (strncmp(word, "cut=", 4) == 0) {
		w->cut = (unsigned)strtoul(word + 4, NULL, 10);
	} else if (strncmp(word, "dst=", 4) == 0) {
		w->has_dst = addr_read(word + 4, w->dst) != 0;
	} else if (strncmp(word, "src=", 4) == 0) {
		w->has_src = addr_read(word + 4, w->src) != 0;
	} else if (strcmp(word, "suppress") == 0) {
		w->is_suppressed = true;
	} else if (strcmp(word, "csum") == 0) {
		w->has_bad_csum = true;
	} else if (w->has_group) {
		for (char *s = strtok_r(word, ",", &save); s; s = strtok_r(NULL, ",", &save))
			if (w->n_sources == SOURCES_MAX
				|| addr_read(s, w->source[w->n_sources++]) == 0)
				return false;
	} else if (strcmp(word, "4") == 0 || strcmp(word, "6") == 0) {
		w->is_v4 = word[0] == '4';
	} else {
		int family = addr_read(word, w->group);

		w->has_group = true;
		w->is_v4 = family == 4;
		return family != 0;
	}
	return true;
}

unsigned mcast_frame(uint8_t out[MCAST_FRAME_MAX], unsigned host, const char *words)
{
	struct wish w = { .host = host, .is_v4 = true, .delay_tenths = 100 };
	char text[1024], *save = NULL, *kind;
	char addr[64];

	snprintf(text, sizeof(text), "%s", words);
	memset(out, 0, MCAST_FRAME_MAX);
	kind = strtok_r(text, " ", &save);
	if (kind == NULL)
		return 0;
	for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!read_word(&w, word))
			return 0;
	if (!w.has_src) {
		snprintf(addr, sizeof(addr), w.is_v4 ? "10.0.0.%u" : "fe80::%x", host);
		if (w.is_v4)
			(void)addr_read(addr, w.src);
		else
			addr6(w.src, addr);
	}
	if (!put_message(&w, kind) || w.cut > w.len)
		return 0;
	memcpy(out + 6, (const uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)host }, 6);
	return w.is_v4 ? frame_ip4(&w, out + 14, out) : frame_ip6(&w, out + 14, out);
}
