/* SPDX-License-Identifier: Apache-2.0 */
/* nft_forward.h - other people's forward chains that drop what our transits lead through the host. */
#pragma once

#include "config/nft.h"

#define NFT_FORWARD_MAX 8
#define NFT_FORWARD_WORD_LEN 48

struct nft_forward_drop {
	char family[8], table[NFT_FORWARD_WORD_LEN], chain[NFT_FORWARD_WORD_LEN];
	bool has_docker_user; /* Docker's chain for the administrator's own rules is there */
	bool is_iptables; /* of a table that iptables-nft keeps */
	bool knows[NETWORK_ID_MAX]; /* by network: a rule of the table names its transit */
};

/* Ask the nft program; how many were found. */
unsigned nft_forward_scan(const char *own_table, const struct nft_leg *legs, unsigned n,
	struct nft_forward_drop out[NFT_FORWARD_MAX]);
/* The same from the text of `nft -j list ruleset`.  Pure. */
unsigned nft_forward_parse(const char *json, const char *own_table, const struct nft_leg *legs,
	unsigned n, struct nft_forward_drop out[NFT_FORWARD_MAX]);
/* What to do, for the transit @ifname. */
void nft_forward_cure(const struct nft_forward_drop *f, const char *ifname, char *buf, size_t size);
