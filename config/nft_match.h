/* SPDX-License-Identifier: Apache-2.0 */
/* nft_match.h - which of the packets that take a way does a match of nft's JSON hold for?  Pure. */
#pragma once

#include "config/nft_foreign.h"

#include <jansson.h>

enum nft_match {
	NFT_MATCH_NONE,
	NFT_MATCH_SOME, /* it depends on what the way does not say */
	NFT_MATCH_OURS, /* some, and it speaks of the way's device or addresses, or may do so */
	NFT_MATCH_ALL, /* and it speaks of the way's device or addresses */
	NFT_MATCH_ANY, /* all, but it says so of every way */
};

/* Does a name of a device, which may end in a wildcard, mean @ifname? */
bool nft_is_name_match(const char *pattern, char wildcard, const char *ifname);
/* @match: the value of a "match" statement. */
enum nft_match nft_match_of(const json_t *match, const struct nft_way *way);
/* Does a verdict map, which is treated as a whole, let the way's packets pass, or can it not be told? */
bool nft_map_may_accept(const json_t *vmap, const struct nft_way *way);
