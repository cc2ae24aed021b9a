/* SPDX-License-Identifier: Apache-2.0 */
/* drop_reasons.c - names and explanations of the drop reasons, for whoever prints them.
 *
 * From: DROP_REASONS in abi/drop_reasons.h.  To: the CLI, the daemon, captures, docs and tests.
 * Theory: one list makes enum, counter and text, so they cannot disagree.
 * Invariants: texts of the slots below DROP_N are never NULL, the reserved ones above always are.
 * Thread: constant. */
#include "vswitch/abi/drop_reasons.h"

const struct drop_reason_text drop_reason_texts[DROP_REASON_MAX]
	= { [DROP_NONE] = { "none", "not dropped" },
#define X(reason, text, explanation) [DROP_##reason] = { .name = (text), .doc = (explanation) },
		  DROP_REASONS(X)
#undef X
	  };
