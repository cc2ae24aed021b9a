/* SPDX-License-Identifier: Apache-2.0 */
/* dirty_log.c - the VMM's bitmap of pages that we wrote to.
 *
 * From: the session (create, destroy), the ring code (mark).  To: memory of the VMM's.
 * Theory: the VMM takes bits with an atomic exchange and copies the page afterwards.  So a bit must be set
 * after the bytes it speaks of, and always by an atomic read-modify-write: looking whether it is set already
 * could see the bit that the VMM is just taking.
 * Invariants: nothing outside [bits, bits + size) is touched.
 * Thread: any. */
#include "vif/dirty_log.h"

#include "vif/guest_mem.h"

#include <errno.h>
#include <stdlib.h>

struct dirty_log *dirty_log_create(int fd, uint64_t offset, uint64_t size, struct err *e)
{
	static const struct guest_mem_limits none;
	/* the same rules as for guest memory: it is touched by workers just so */
	const struct guest_region_spec spec = { .size = size, .file_offset = offset };
	struct guest_mem *mem = guest_mem_create(&spec, &fd, 1, &none, e);
	struct dirty_log *log = NULL;

	if (mem == NULL) {
		err_prefix(e, "dirty log");
		return NULL;
	}
	log = calloc(1, sizeof(*log));
	if (log == NULL) {
		err_set(e, -ENOMEM, "log", "out of memory");
		guest_mem_put(mem);
		return NULL;
	}
	*log = (struct dirty_log){ .bits = mem->region[0].host, .size = size, .mem = mem };
	return log;
}

void dirty_log_destroy(struct dirty_log *log)
{
	if (log == NULL)
		return;
	guest_mem_put(log->mem);
	free(log);
}

void dirty_log_mark(const struct dirty_log *log, uint64_t gpa, uint64_t len)
{
	uint64_t page = gpa / DIRTY_PAGE;
	uint64_t last = (gpa + len - 1) / DIRTY_PAGE;

	if (len == 0)
		return;
	for (; page <= last && page / 8 < log->size; page++)
		__atomic_fetch_or(
			&log->bits[page / 8], (uint8_t)(1u << page % 8), __ATOMIC_SEQ_CST);
}
