/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp_words.h - what DHCP and DNS tell the guests of a network beside addresses, each a word of the
 * administrator's that goes into dnsmasq's configuration as it is.
 * Thread: any; no state. */
#pragma once

#include "vswitch/base/base.h"

#define DNS_HOSTS_MAX 16
#define DNS_FORWARDERS_MAX 4
#define DHCP_OPTIONS_MAX 8
#define DHCP_WORD_LEN 96

struct dhcp_words {
	unsigned n_dns_hosts, n_dns_forwarders, n_options;
	char dns_host[DNS_HOSTS_MAX][DHCP_WORD_LEN]; /* ADDR,NAME[,NAME...] */
	char dns_forwarder[DNS_FORWARDERS_MAX][DHCP_WORD_LEN]; /* [DOMAIN/]ADDR */
	char option[DHCP_OPTIONS_MAX][DHCP_WORD_LEN]; /* NUMBER,VALUE */
	char boot[DHCP_WORD_LEN]; /* FILE[,SERVER]; "" without */
	char tftp_root[DHCP_WORD_LEN]; /* "" without */
};

/* May it stand in the configuration file?  Nothing but these checks it. */
bool dhcp_words_is_dns_host(const char *text);
bool dhcp_words_is_forwarder(const char *text);
bool dhcp_words_is_option(const char *text);
bool dhcp_words_is_boot(const char *text);
bool dhcp_words_is_path(const char *text);
