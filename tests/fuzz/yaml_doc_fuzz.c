/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_doc_fuzz.c - any bytes as a file for saklar apply.
 *
 * From: libFuzzer or replay_main.c.  To: tools/yaml_doc.c, then tools/yaml_write.c and back.
 * Planted bug (SAKLAR_PLANTED_BUG): a word that is no string in YAML 1.1 is written without quotes.
 * Invariants: any bytes give JSON of bounded size or one error; what was read, written and read
 * again is the same; the lines of items are lines of the text.  Thread: one. */
#include "tools/yaml_doc.h"
#include "tools/yaml_write.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void write_and_read_again(const json_t *root)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct err e = ERR_NONE;
	struct yaml_doc *again;

	CHECK(f && yaml_write(f, root) == 0 && fclose(f) == 0);
	again = yaml_doc_read(text, len, &e);
	/* aliases are written out: the text may be longer than one may be */
	CHECK(again || len > YAML_TEXT_MAX || strstr(e.msg, "too much"));
	CHECK(!again || json_equal(yaml_doc_root(again), root));
	yaml_doc_destroy(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err e = ERR_NONE;
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	struct yaml_doc *d = yaml_doc_read(text, size, &e);

	CHECK(!d == (e.code != 0));
	CHECK(d || e.msg[0] != '\0');
	if (d && yaml_doc_root(d)) {
		/* a line ends with a byte at least */
		CHECK(yaml_doc_line(d, "networks[0].name") <= size + 1);
		write_and_read_again(yaml_doc_root(d));
	}
	yaml_doc_destroy(d);
	free(text);
	return 0;
}
