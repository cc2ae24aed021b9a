/* SPDX-License-Identifier: Apache-2.0 */
/* schema_stp_rows.h - the rows of spanning trees in the tables of config/schema.c, which alone includes
 * this. */
#pragma once

#include "config/schema.h"
#include "vswitch/abi/limits.h"

static const char *const stp_values[] = { "off", "stp", "rstp", NULL };
static const char *const edge_values[] = { "auto", "on", "off", NULL };

#define STP_NETWORK_FIELDS                                                                         \
	{ .key = "stp",                                                                            \
		.flag = "stp",                                                                     \
		.arg = "off|stp|rstp",                                                             \
		.kind = FIELD_ENUM,                                                                \
		.values = stp_values,                                                              \
		.def = "off",                                                                      \
		.doc                                                                               \
		= "spanning tree: rapid, or only the old protocol; off: BPDUs pass like other "    \
		  "frames" },                                                                      \
		{ .key = "stp_priority",                                                           \
			.flag = "stp-priority",                                                    \
			.arg = "N",                                                                \
			.kind = FIELD_U32,                                                         \
			.min = 0,                                                                  \
			.max = 65535,                                                              \
			.def = "32768",                                                            \
			.doc = "the lowest one becomes root; with rstp a multiple of 4096" },      \
		{ .key = "stp_mac",                                                                \
			.flag = "stp-mac",                                                         \
			.arg = "MAC",                                                              \
			.kind = FIELD_MAC,                                                         \
			.def = "the host leg's, or generated",                                     \
			.doc = "MAC address in the bridge's id and in its BPDUs" },                \
		{ .key = "hello_time",                                                             \
			.flag = "hello-time",                                                      \
			.arg = "SECONDS",                                                          \
			.kind = FIELD_U32,                                                         \
			.min = STP_HELLO_MIN_S,                                                    \
			.max = STP_HELLO_MAX_S,                                                    \
			.def = "2",                                                                \
			.doc = "time between BPDUs" },                                             \
		{ .key = "max_age",                                                                \
			.flag = "max-age",                                                         \
			.arg = "SECONDS",                                                          \
			.kind = FIELD_U32,                                                         \
			.min = STP_MAX_AGE_MIN_S,                                                  \
			.max = STP_MAX_AGE_MAX_S,                                                  \
			.def = "20",                                                               \
			.doc = "age at which what a BPDU says is not true any more" },             \
	{                                                                                          \
		.key = "forward_delay", .flag = "forward-delay", .arg = "SECONDS",                 \
		.kind = FIELD_U32, .min = STP_FORWARD_DELAY_MIN_S, .max = STP_FORWARD_DELAY_MAX_S, \
		.def = "15", .doc = "time a port listens, and then learns, where nobody agrees"    \
	}

#define STP_VIF_FIELDS                                                                           \
	{ .key = "stp_priority",                                                                 \
		.flag = "stp-priority",                                                          \
		.arg = "N",                                                                      \
		.kind = FIELD_U32,                                                               \
		.min = 0,                                                                        \
		.max = STP_PORT_PRIORITY_MAX,                                                    \
		.def = "128",                                                                    \
		.doc = "of two ways to the root that cost the same the lower one is taken; a "   \
		       "multiple of 16 (Linux counts in quarters: 32)" },                        \
		{ .key = "stp_cost",                                                             \
			.flag = "stp-cost",                                                      \
			.arg = "N",                                                              \
			.kind = FIELD_U32,                                                       \
			.min = 0,                                                                \
			.max = STP_COST_MAX,                                                     \
			.def = "0 (rstp: 2000, stp: 2)",                                         \
			.doc = "cost of the way to the root by this vif" },                      \
		{ .key = "stp_edge",                                                             \
			.flag = "stp-edge",                                                      \
			.arg = "auto|on|off",                                                    \
			.kind = FIELD_ENUM,                                                      \
			.values = edge_values,                                                   \
			.def = "auto",                                                           \
			.doc = "no bridge is behind it: it forwards at once (on), or once 3 s "  \
			       "have passed "                                                    \
			       "without a BPDU (auto)" },                                        \
		{ .key = "bpdu_guard",                                                           \
			.flag = "bpdu-guard",                                                    \
			.kind = FIELD_BOOL,                                                      \
			.def = "off",                                                            \
			.doc = "a BPDU from it disables it until it is set down and up" },       \
		{ .key = "bpdu_guard",                                                           \
			.flag = "no-bpdu-guard",                                                 \
			.kind = FIELD_BOOL,                                                      \
			.flags = FIELD_NEGATED,                                                  \
			.doc = "BPDUs may come from it" },                                       \
		{ .key = "loop_protect",                                                         \
			.flag = "loop-protect",                                                  \
			.arg = "auto|on|off",                                                    \
			.kind = FIELD_ENUM,                                                      \
			.values = edge_values,                                                   \
			.def = "auto (profile tenant: on; plain and uplinks: off)",              \
			.doc = "block it for 10 s when it brings back what others have sent, "   \
			       "because its guest bridges two vifs of one network" },            \
		{ .key = "root_guard",                                                           \
			.flag = "root-guard",                                                    \
			.kind = FIELD_BOOL,                                                      \
			.def = "off",                                                            \
			.doc = "the root is never behind it: it discards while one better than " \
			       "ours is" },                                                      \
	{                                                                                        \
		.key = "root_guard", .flag = "no-root-guard", .kind = FIELD_BOOL,                \
		.flags = FIELD_NEGATED, .doc = "the root may be behind it"                       \
	}
