/* SPDX-License-Identifier: Apache-2.0 */
/* undo_file.h - the list of changes to netdevs as a file, and what is left of it when it is damaged.
 *
 * "saklar-undo 2 GENERATION SCOPE", one line a change "SCOPE IFINDEX KIND VALUE", "end N"; each line
 * ends with a checksum, so that those of a damaged file that are whole can still be used.  SCOPE
 * names boot and network namespace: a file of another one speaks of netdevs that are gone.
 * Thread: the daemon's only one. */
#pragma once

#include "config/undo.h"

enum undo_file_state {
	UNDO_FILE_ABSENT, /* or of another boot or namespace */
	UNDO_FILE_INTACT,
	UNDO_FILE_DAMAGED, /* .record: the lines that are whole */
	UNDO_FILE_FOREIGN, /* of another version */
	UNDO_FILE_UNREADABLE,
};

struct undo_file {
	enum undo_file_state state;
	uint64_t generation; /* 0: not known; the higher one is the newer */
	unsigned n;
	struct undo_record *record; /* free(3) it */
};

/* -ENOMEM, else 0: whatever is wrong with the file is in @out->state. */
[[nodiscard]] int undo_file_read(const char *path, const char *scope, struct undo_file *out);
/* Whole or not at all.  @is_durable: also after a power failure. */
[[nodiscard]] int undo_file_write(
	const char *path, const char *scope, const struct undo_file *in, bool is_durable);

const char *undo_file_kind_name(enum undo_kind kind);
/* One line of a change and back; for tests.  0 or -EINVAL. */
[[nodiscard]] int undo_file_parse_line(
	const char *line, const char *scope, struct undo_record *out);
void undo_file_print_line(
	const struct undo_record *record, const char *scope, char *buf, size_t size);
