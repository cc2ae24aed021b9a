/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign.h - other people's nftables chains that keep guests from the host's own services.
 *
 * A host leg works only when every base chain at the input hook lets its packets in: one "accept"
 * does not overrule another chain's "drop".  Pure but for nft_foreign_read().
 * Thread: the daemon's only one. */
#pragma once

#include "vswitch/base/base.h"

#define NFT_WORD_LEN 48

struct nft_obstacle {
	char family[NFT_WORD_LEN], table[NFT_WORD_LEN], chain[NFT_WORD_LEN];
	char verdict[NFT_WORD_LEN]; /* "policy drop", "drop", "reject" */
	char cure[192]; /* a command */
};

/* `nft -j list ruleset` without the contents of sets; malloc'ed, NULL when it cannot be had. */
char *nft_foreign_read(void);

/* Does a chain of @ruleset, those of @own_table apart, refuse what comes in from the leg whatever
 * it is?  True with the first such in @out.  A chain that has an accept for the leg, however narrow,
 * is taken as meant so. */
bool nft_foreign_find(
	const char *ruleset, const char *own_table, const char *leg, struct nft_obstacle *out);
