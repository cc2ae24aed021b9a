/* SPDX-License-Identifier: Apache-2.0 */
/* nft_legacy.h - rules of iptables-legacy, which nft does not see, in the way of a network. */
#pragma once

#include "config/nft_foreign.h"

/* `iptables-legacy-save -t filter` where that table is in use, malloc'ed; NULL when it is not, or
 * when the program is not there. */
char *nft_legacy_read(bool is_v4);
/* As nft_foreign_find(), from that text.  Pure. */
bool nft_legacy_find(
	const char *text, bool is_v4, const struct nft_way *way, struct nft_obstacle *out);
/* Commands of @tool that let @way through; @forward: the chain for that at the forward hook.  Pure. */
void nft_legacy_cure(
	const char *tool, const char *forward, const struct nft_way *way, char *buf, size_t size);
