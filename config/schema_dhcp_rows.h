/* SPDX-License-Identifier: Apache-2.0 */
/* schema_dhcp_rows.h - the rows of the schema that tell what DHCP and DNS say beside addresses; for
 * schema.c. */
#pragma once

#define DHCP_NETWORK_FIELDS                                                                    \
	{ .key = "dns_hosts",                                                                  \
		.flag = "dns-host",                                                            \
		.arg = "ADDR,NAME[,NAME...]",                                                  \
		.kind = FIELD_STRING,                                                          \
		.flags = FIELD_LIST,                                                           \
		.max = 95,                                                                     \
		.doc = "names that the network's DNS knows beside those of its guests" },      \
		{ .key = "dns_forwarders",                                                     \
			.flag = "dns-forwarder",                                               \
			.arg = "[DOMAIN/]ADDR",                                                \
			.kind = FIELD_STRING,                                                  \
			.flags = FIELD_LIST,                                                   \
			.max = 95,                                                             \
			.def = "the host's own resolvers",                                     \
			.doc = "who is asked for names outside, or for those of one domain" }, \
		{ .key = "dhcp_options",                                                       \
			.flag = "dhcp-option",                                                 \
			.arg = "NUMBER,VALUE",                                                 \
			.kind = FIELD_STRING,                                                  \
			.flags = FIELD_LIST,                                                   \
			.max = 95,                                                             \
			.doc = "a further DHCP option (IPv4) for the guests, by its number" }, \
		{ .key = "dhcp_boot",                                                          \
			.flag = "dhcp-boot",                                                   \
			.arg = "FILE[,SERVER]",                                                \
			.kind = FIELD_STRING,                                                  \
			.max = 95,                                                             \
			.doc = "what guests boot by network (PXE)" },                          \
	{                                                                                      \
		.key = "tftp_root", .flag = "tftp-root", .arg = "DIR", .kind = FIELD_STRING,   \
		.max = 95, .doc = "serve the files of this directory by TFTP, on the gateway"  \
	}
