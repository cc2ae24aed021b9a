/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp_words.c - are words sound enough for dnsmasq's configuration?
 *
 * From: schema_dhcp.c, dnsmasq_conf.c.
 * Theory: dnsmasq(8) reads one option a line, splits words at commas, and begins comments with '#'; so
 * each form lists the characters that it may have, and nothing can end a line or begin another word.
 * Thread: any; no state. */
#include "config/dhcp_words.h"

#include "vswitch/base/netaddr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Is each character of the first @len of @text a letter, a digit or one of @more?  None is not. */
static bool has_only(const char *text, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
		if (!(isalnum((unsigned char)text[i]) && (unsigned char)text[i] < 0x80)
			&& (text[i] == '\0' || strchr(more, text[i]) == NULL))
			return false;
	return len > 0;
}

static bool is_name(const char *text, size_t len)
{
	return len < 64 && has_only(text, len, "._-") && isalnum((unsigned char)text[0]);
}

static bool is_address(const char *text, size_t len)
{
	char copy[IP_STR_LEN];
	struct ipaddr a;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return ip_parse(copy, &a) == 0;
}

bool dhcp_words_is_dns_host(const char *text)
{
	size_t len = strcspn(text, ",");

	if (strlen(text) >= DHCP_WORD_LEN || text[len] == '\0' || !is_address(text, len))
		return false;
	while (text[len] == ',') {
		text += len + 1;
		len = strcspn(text, ",");
		if (!is_name(text, len))
			return false;
	}
	return true;
}

bool dhcp_words_is_forwarder(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *address = slash != NULL ? slash + 1 : text;

	if (strlen(text) >= DHCP_WORD_LEN
		|| (slash != NULL && !is_name(text, (size_t)(slash - text))))
		return false;
	return is_address(address, strlen(address));
}

bool dhcp_words_is_option(const char *text)
{
	size_t len = strspn(text, "0123456789");
	unsigned long number = len > 0 && len < 4 ? strtoul(text, NULL, 10) : 0;

	if (strlen(text) >= DHCP_WORD_LEN || text[len] != ',' || number == 0 || number > 254)
		return false;
	return has_only(text + len + 1, strlen(text + len + 1), "._:/,-+@");
}

bool dhcp_words_is_path(const char *text)
{
	return strlen(text) < DHCP_WORD_LEN && text[0] == '/'
		&& has_only(text, strlen(text), "._/-") && strstr(text, "..") == NULL;
}

bool dhcp_words_is_boot(const char *text)
{
	size_t len = strcspn(text, ",");

	if (strlen(text) >= DHCP_WORD_LEN || !has_only(text, len, "._/:-"))
		return false;
	return text[len] == '\0' || is_address(text + len + 1, strlen(text + len + 1));
}
