/* SPDX-License-Identifier: Apache-2.0 */
/* nft_foreign.h - other people's firewall rules that are in the way of a network.
 *
 * A host leg works only when every base chain at the input hook lets its packets in, and uplink host
 * only when every one at the forward hook lets those of the transit through, both ways: one "accept"
 * does not overrule another chain's "drop".  Nobody's rules are touched.
 * Life: nft_rules_read() or nft_rules_parse(), nft_foreign_find() for each way, nft_rules_destroy().
 * Thread: the daemon's only one. */
#pragma once

#include "config/model.h"

#define NFT_WORD_LEN 48

struct transit;
struct nft_rules;

/* A way that packets take through the host. */
struct nft_way {
	bool is_forward; /* by a transit through the host; else from a host leg to the host itself */
	bool is_outward; /* answers that leave by the device; else what guests begin comes in by it */
	const char *ifname;
	const struct network_cfg *network;
	const struct transit *transit; /* NULL: none */
};

struct nft_obstacle {
	char family[NFT_WORD_LEN], table[NFT_WORD_LEN], chain[NFT_WORD_LEN];
	char verdict[NFT_WORD_LEN]; /* "policy drop", "drop", "reject" */
	char cure[256]; /* commands */
	bool is_legacy; /* of iptables-legacy: not one of nft's tables */
};

/* What `nft` and, where its tables are in use, `iptables-legacy-save` print; NULL when nothing can
 * be had. */
struct nft_rules *nft_rules_read(void);
/* From their texts; @legacy4, @legacy6: NULL without.  NULL when @json is no ruleset. */
struct nft_rules *nft_rules_parse(const char *json, const char *legacy4, const char *legacy6);
void nft_rules_destroy(struct nft_rules *rules);

/* Does a chain, those of @own_table apart, refuse what takes @way whatever it is?  True with the first
 * such in @out.  A chain that accepts some of it, however narrow, by device or address, is taken as
 * meant so. */
bool nft_foreign_find(const struct nft_rules *rules, const char *own_table,
	const struct nft_way *way, struct nft_obstacle *out);
