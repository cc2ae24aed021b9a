/* SPDX-License-Identifier: Apache-2.0 */
/* nft.h - our own nftables table: host legs are for the host's own traffic, transits lead
 * guests' traffic through the host.
 *
 * Life: nft_create() subscribes to the kernel's nftables events; nft_apply() writes the table for
 * the legs there are, as one transaction, and keeps it: when somebody flushes the ruleset it is put
 * back; nft_destroy() removes it on demand.  Thread: the daemon's only one. */
#pragma once

#include "config/model.h"

#define NFT_TABLE_NAME_LEN 24

struct transit;

struct nft_leg {
	int ifindex;
	const struct network_cfg *network;
	int transit_ifindex; /* uplink host; 0: none */
	const char *transit_ifname;
	const struct transit *transit;
};
struct event_base;
struct nft;

struct nft *nft_create(struct event_base *base, const char *run_dir, struct err *e);
void nft_destroy(struct nft *nft, bool remove_table);
/* No legs: no table.  0 or -errno with @e; legs must not be brought up then. */
[[nodiscard]] int nft_apply(struct nft *nft, const struct nft_leg *legs, unsigned n,
	const struct model *m, struct err *e);

/* The name of our table. */
const char *nft_table(const struct nft *nft);
/* Name of the table of the instance at @run_dir. */
void nft_table_name(const char *run_dir, char name[NFT_TABLE_NAME_LEN]);
/* The transaction's text, malloc'ed; NULL without memory.  Pure. */
char *nft_print(const char *table, const struct nft_leg *legs, unsigned n, const struct model *m);
