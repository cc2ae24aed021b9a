/* SPDX-License-Identifier: Apache-2.0 */
/* document_fuzz.c - any JSON as a document for the method apply.
 *
 * From: libFuzzer or replay_main.c.  To: config/document.c, config/model_diff.c and all parsers and
 * checks behind them.
 * Theory: the input holds one or two documents, a line each; the second is applied to what the first
 * made, as a running instance would.
 * Planted bug (SAKLAR_PLANTED_BUG): that of rpc_fuzz.c, in a part of a range or of a DHCP host.
 * Invariants: a document gives a model that fits together or an error with words; the model that is
 * printed and read again is the same one, ids included.  Thread: one. */
#include "config/document.h"
#include "config/model_diff.h"
#include "vswitch/base/check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Applying what @m prints to @m itself changes nothing. */
static void check_round_trip(const struct model *m)
{
	struct err e = ERR_NONE;
	json_t *printed = document_print(m);
	struct model *again = m->n_networks + m->n_vifs > 0 ? document_parse(printed, m, &e) : NULL;
	json_t *diff = again ? model_diff_print(m, again) : NULL;

	CHECK(again || m->n_networks + m->n_vifs == 0);
	CHECK(!diff || model_diff_is_empty(diff));
	json_decref(diff);
	json_decref(printed);
	model_destroy(again);
}

/* Apply @text to *m, which becomes the new model. */
static void apply(const uint8_t *text, size_t len, struct model **m)
{
	struct err e = ERR_NONE;
	json_t *json = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	struct model *next = json ? document_parse(json, *m, &e) : NULL;

	CHECK(!json || next || (e.code < 0 && e.msg[0] != '\0'));
	if (next) {
		struct err none = ERR_NONE;

		CHECK(model_check(next, &none) == 0);
		check_round_trip(next);
		model_destroy(*m);
		*m = next;
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = memchr(bytes, '\n', size);
	size_t first = end ? (size_t)(end - bytes) : size;
	struct model *m = model_create();

	CHECK(m);
	apply(bytes, first, &m);
	if (end)
		apply(end + 1, size - first - 1, &m);
	model_destroy(m);
	return 0;
}
