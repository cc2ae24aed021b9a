/* SPDX-License-Identifier: Apache-2.0 */
/* capture_filter.c - a filter expression of tcpdump -> instructions for the engine.
 *
 * From: cmd_capture.c.  To: libpcap's compiler.
 * Theory: expressions are compiled here, with the user's own rights; daemon and engine get a program
 * without loops that each checks.  libpcap says what is wrong but not where.  So: a beginning of the
 * expression is *viable* when it compiles with some ending from a list; the first word whose
 * beginning is not viable is the one to point at.
 * Invariants: *out is set only on success.  Thread: any (libpcap 1.10's compiler is reentrant). */
#include "tools/capture_filter.h"

#include "vswitch/abi/capture_ring.h"
#include "vswitch/base/check.h"

#include <pcap/pcap.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0, or -EINVAL with libpcap's words in @msg. */
static int compile(
	const char *expression, uint32_t snaplen, struct bpf_program *out, char *msg, size_t size)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, (int)snaplen);
	static const char prefix[] = "can't parse filter expression: ";

	CHECK(p);
	int rc = pcap_compile(p, out, expression, 1, PCAP_NETMASK_UNKNOWN);

	if (rc) {
		const char *why = pcap_geterr(p);

		if (strncmp(why, prefix, strlen(prefix)) == 0)
			why += strlen(prefix);
		snprintf(msg, size, "%s", why);
	}
	pcap_close(p);
	return rc ? -EINVAL : 0;
}

static bool is_viable(const char *beginning, size_t len)
{
	static const char *const endings[] = { "", " ip", " 1", " 192.0.2.1", " 192.0.2.0/24",
		" 02:00:00:00:00:01", " = 0", " 0 = 0", "0] = 0", "] = 0", ":1] = 0", " tcp",
		" port 1", " host 192.0.2.1", " host 02:00:00:00:00:01", " proto 1",
		" net 192.0.2.0/24" };
	static const char *const closings[] = { "", ")", "))" };
	char text[1024];
	char msg[PCAP_ERRBUF_SIZE];
	struct bpf_program program;

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		for (size_t c = 0; c < ARRAY_LEN(closings); c++) {
			snprintf(text, sizeof(text), "%.*s%s%s", (int)len, beginning, endings[i],
				closings[c]);
			if (compile(text, CAPTURE_SNAPLEN_DEFAULT, &program, msg, sizeof(msg))
				== 0) {
				pcap_freecode(&program);
				return true;
			}
		}
	}
	return false;
}

/* The word that libpcap's message quotes, as an offset in @expression, or -1. */
static int find_quoted(const char *expression, const char *msg)
{
	const char *begin = strchr(msg, '\'');
	const char *end = begin ? strchr(begin + 1, '\'') : NULL;
	char word[128];

	if (!end || end - begin < 2 || end - begin > (ptrdiff_t)sizeof(word))
		return -1;
	snprintf(word, sizeof(word), "%.*s", (int)(end - begin - 1), begin + 1);
	const char *at = strstr(expression, word);

	return at ? (int)(at - expression) : -1;
}

static int find_position(const char *expression, const char *msg)
{
	static const char spaces[] = " \t\n";
	int quoted = find_quoted(expression, msg);
	size_t len = strlen(expression);
	size_t at = strspn(expression, spaces);

	if (quoted >= 0)
		return quoted;
	/* only syntax errors: names would be looked up again for every beginning */
	if (len > 512 || !strstr(msg, "syntax error"))
		return -1;
	while (at < len) {
		size_t word = strcspn(expression + at, spaces);

		if (!is_viable(expression, at + word))
			return (int)at;
		at += word;
		at += strspn(expression + at, spaces);
	}
	return (int)len; /* something is missing at the end */
}

static json_t *instructions_of(const struct bpf_program *program)
{
	json_t *list = json_array();

	CHECK(list);
	for (unsigned i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *in = &program->bf_insns[i];
		json_t *row = json_pack(
			"[i, i, i, I]", (int)in->code, (int)in->jt, (int)in->jf, (json_int_t)in->k);

		CHECK(row && json_array_append_new(list, row) == 0);
	}
	return list;
}

int capture_filter_compile(
	const char *expression, uint32_t snaplen, json_t **out, int *position, struct err *e)
{
	char msg[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program program = { 0 };

	*out = NULL;
	*position = -1;
	if (expression[strspn(expression, " \t\n")] == '\0')
		return 0;
	if (compile(expression, snaplen, &program, msg, sizeof(msg)) != 0) {
		*position = find_position(expression, msg);
		return err_set(e, -EINVAL, "", "the filter expression is wrong: %s", msg);
	}
	if (program.bf_len > CAPTURE_FILTER_MAX) {
		unsigned n = program.bf_len;

		pcap_freecode(&program);
		return err_set(e, -EINVAL, "",
			"the filter expression needs %u instructions, at most %u are taken; make "
			"it "
			"shorter",
			n, CAPTURE_FILTER_MAX);
	}
	*out = instructions_of(&program);
	pcap_freecode(&program);
	return 0;
}
