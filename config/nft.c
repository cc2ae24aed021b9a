/* SPDX-License-Identifier: Apache-2.0 */
/* nft.c - write our nftables table, and put it back when somebody flushes the ruleset.
 * From: reconcile_network.c.  To: nft_print.c, the `nft` program, netlink NFNLGRP_NFTABLES.
 * Theory: what the table says is nft_print.c's.
 * One transaction: there is no moment without rules.  The table is put back from the event itself,
 * within milliseconds.  Thread: the daemon's only one. */
#include "config/nft.h"

#include "config/spawn.h"
#include "vswitch/base/log.h"
#include "vswitch/base/siphash.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_MODULE("nft");

#define NFT_TIMEOUT_MS 10000

struct nft {
	char table[NFT_TABLE_NAME_LEN];
	struct nl_sock *events;
	struct event *readable;
	char *text; /* in force; NULL: no table */
	bool has_seen_change; /* of our table, since the flag was cleared */
};

void nft_table_name(const char *run_dir, char name[NFT_TABLE_NAME_LEN])
{
	static const struct sipkey key = { 0x73616b6c61720002, 0x7461626c65000002 };

	if (strcmp(run_dir, "/run/saklar") == 0)
		snprintf(name, NFT_TABLE_NAME_LEN, "saklar");
	else
		snprintf(name, NFT_TABLE_NAME_LEN, "saklar_%08x",
			(unsigned)(siphash13(&key, run_dir, strlen(run_dir)) & 0xffffffffu));
}

const char *nft_table(const struct nft *nft)
{
	return nft->table;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nft *nft = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct nlattr *attr[2]; /* attribute 1 is the table's name in tables, chains and rules */
	int type = hdr->nlmsg_type & 0xff;

	static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1, "");
	if (type != NFT_MSG_NEWCHAIN && type != NFT_MSG_DELTABLE && type != NFT_MSG_DELCHAIN
		&& type != NFT_MSG_DELRULE && type != NFT_MSG_NEWRULE)
		return NL_OK;
	if (nlmsg_parse(hdr, sizeof(struct nfgenmsg), attr, 1, NULL) < 0 || attr[1] == NULL)
		return NL_OK;
	if (nla_strcmp(attr[1], nft->table) == 0)
		nft->has_seen_change = true;
	return NL_OK;
}

static void read_events(struct nft *nft)
{
	for (int rc = 0; rc >= 0;) {
		rc = nl_recvmsgs_default(nft->events);
		if (rc == -NLE_NOMEM) { /* events were lost: assume the worst */
			nft->has_seen_change = true;
			rc = 0;
		}
	}
}

static int run_nft(const char *text, struct err *e)
{
	static const char *const argv[] = { "nft", "-f", "-", NULL };
	char output[512];
	struct err own = ERR_NONE;
	int rc = spawn_run(argv, text, output, sizeof(output), NFT_TIMEOUT_MS, &own);

	if (rc == -ENOENT)
		return err_set(e, rc, "",
			"the nft program is missing, without which a host leg would be "
			"open to everybody: apt-get install nftables");
	if (rc < 0)
		return err_set(e, rc, "", "%s", own.msg);
	output[strcspn(output, "\n")] = '\0';
	return rc == 0 ? 0 : err_set(e, -EIO, "", "nft refused our table: %.180s", output);
}

/* Is our table there?  Events of our own change and of a flush right behind it look alike. */
static bool is_table_there(const struct nft *nft)
{
	const char *argv[] = { "nft", "list", "table", "inet", nft->table, NULL };
	char output[256];

	return spawn_run(argv, "", output, sizeof(output), NFT_TIMEOUT_MS, NULL) == 0;
}

static int write_table(struct nft *nft, const char *text, struct err *e)
{
	for (unsigned attempt = 0; attempt < 3; attempt++) {
		int rc = run_nft(text, e);

		if (rc < 0)
			return rc;
		read_events(nft); /* our own ones; the kernel queued them before nft ended */
		nft->has_seen_change = false;
		if (is_table_there(nft))
			return 0;
	}
	return 0; /* the next event brings us back */
}

static void on_readable(int, short, void *arg)
{
	struct nft *nft = arg;
	struct err e = ERR_NONE;

	read_events(nft);
	if (!nft->has_seen_change || nft->text == NULL)
		return;
	nft->has_seen_change = false;
	if (write_table(nft, nft->text, &e) < 0)
		LOG_ERR("event=table_not_restored table=%s error=\"%s\"", nft->table, e.msg);
	else
		LOG_WARN("event=table_restored table=%s", nft->table);
}

int nft_apply(struct nft *nft, const struct nft_leg *legs, unsigned n, const struct model *m,
	struct err *e)
{
	char *text = NULL;
	int rc;

	if (n == 0 && nft->text == NULL)
		return 0;
	text = nft_print(nft->table, legs, n, m);
	if (text == NULL)
		return err_set(e, -ENOMEM, "", "out of memory");
	if (nft->text != NULL && strcmp(text, nft->text) == 0) {
		free(text);
		return 0;
	}
	rc = n > 0 ? write_table(nft, text, e) : run_nft(text, e);
	if (rc < 0) {
		free(text);
		return rc;
	}
	free(nft->text);
	nft->text = text;
	if (n == 0) {
		free(nft->text);
		nft->text = NULL;
	}
	return 0;
}

/* Also one that a daemon left which was killed. */
static int remove_own_table(struct nft *nft, struct err *e)
{
	char *text = nft_print(nft->table, NULL, 0, NULL);
	int rc = text != NULL ? run_nft(text, e) : err_set(e, -ENOMEM, "", "out of memory");

	free(text);
	free(nft->text);
	nft->text = NULL;
	return rc;
}

void nft_destroy(struct nft *nft, bool remove_table)
{
	struct err e = ERR_NONE;

	if (nft == NULL)
		return;
	if (remove_table && remove_own_table(nft, &e) < 0)
		LOG_WARN("event=table_stays table=%s error=\"%s\"", nft->table, e.msg);
	if (nft->readable != NULL)
		event_free(nft->readable);
	if (nft->events != NULL)
		nl_socket_free(nft->events);
	free(nft->text);
	free(nft);
}

static int subscribe(struct nft *nft, struct event_base *base)
{
	nft->events = nl_socket_alloc();
	if (nft->events == NULL)
		return -ENOMEM;
	nl_socket_disable_seq_check(nft->events);
	nl_socket_modify_cb(nft->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, nft);
	if (nl_connect(nft->events, NETLINK_NETFILTER) < 0
		|| nl_socket_set_nonblocking(nft->events) < 0
		|| nl_socket_add_memberships(nft->events, NFNLGRP_NFTABLES, 0) < 0)
		return -EIO;
	nl_socket_set_buffer_size(nft->events, 1 << 20, 0);
	nft->readable = event_new(
		base, nl_socket_get_fd(nft->events), EV_READ | EV_PERSIST, on_readable, nft);
	return nft->readable != NULL && event_add(nft->readable, NULL) == 0 ? 0 : -ENOMEM;
}

struct nft *nft_create(struct event_base *base, const char *run_dir, struct err *e)
{
	struct nft *nft = calloc(1, sizeof(*nft));
	int rc = -ENOMEM;

	if (nft != NULL) {
		nft_table_name(run_dir, nft->table);
		rc = subscribe(nft, base);
	}
	if (rc < 0) {
		nft_destroy(nft, false);
		err_set(e, rc, "", "cannot listen to nftables events: %s", strerror(-rc));
		return NULL;
	}
	return nft;
}
