/* SPDX-License-Identifier: Apache-2.0 */
/* schema_dhcp.c - what DHCP and DNS tell the guests of a network: JSON values to words and back.
 *
 * From: schema_network.c.  To: dhcp_words.c.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One row for each list or word. */
struct kind {
	const char *key;
	bool (*is_sound)(const char *text);
	const char *wanted;
	size_t count_at; /* of a list; else 0 */
	size_t words_at;
	unsigned max;
};
#define LIST(key_, count, words, check, wanted_)                           \
	{                                                                  \
		.key = (key_), .is_sound = (check), .wanted = (wanted_),   \
		.count_at = offsetof(struct network_cfg, dhcp.count),      \
		.words_at = offsetof(struct network_cfg, dhcp.words),      \
		.max = ARRAY_LEN(((struct network_cfg *)NULL)->dhcp.words) \
	}
#define WORD(key_, word, check, wanted_)                                 \
	{                                                                \
		.key = (key_), .is_sound = (check), .wanted = (wanted_), \
		.words_at = offsetof(struct network_cfg, dhcp.word)      \
	}

static const struct kind kinds[] = {
	LIST("dns_hosts", n_dns_hosts, dns_host, dhcp_words_is_dns_host,
		"an address and the names that lead to it, such as 192.168.77.9,db,db.lab.test"),
	LIST("dns_forwarders", n_dns_forwarders, dns_forwarder, dhcp_words_is_forwarder,
		"the address of a resolver, or DOMAIN/ADDR for one domain, such as "
		"corp.example/192.0.2.53"),
	LIST("dhcp_options", n_options, option, dhcp_words_is_option,
		"the number of a DHCP option and its value, such as 42,192.168.77.1"),
	WORD("dhcp_boot", boot, dhcp_words_is_boot,
		"the file that guests boot and, if it is another host's, the address of its "
		"server, such as pxelinux.0,192.168.77.9"),
	WORD("tftp_root", tftp_root, dhcp_words_is_path,
		"a directory by its whole path, of letters, digits and ._-/"),
};

int schema_set_dhcp(struct network_cfg *n, const char *key, const struct schema_value *v,
	const char *path, struct err *e)
{
	const struct kind *k = kinds;
	unsigned *count = NULL;
	char *word;

	while (strcmp(k->key, key) != 0)
		k++;
	word = (char *)n + k->words_at;
	if (k->count_at != 0)
		count = (unsigned *)(void *)((char *)n + k->count_at);
	if (!v) {
		if (count != NULL)
			*count = 0;
		else
			word[0] = '\0';
		return 0;
	}
	if (!k->is_sound(v->text))
		return err_set(e, -EINVAL, path, "%s: '%.40s' is not right: write %s", key, v->text,
			k->wanted);
	if (count != NULL && *count == k->max)
		return err_set(e, -E2BIG, path, "%s: one network takes %u at most", key, k->max);
	if (count != NULL)
		word += (*count)++ * (size_t)DHCP_WORD_LEN;
	snprintf(word, DHCP_WORD_LEN, "%s", v->text);
	return 0;
}

void schema_print_dhcp(const struct network_cfg *n, json_t *json)
{
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		const char *word = (const char *)n + k->words_at;
		json_t *list;

		if (k->count_at == 0) {
			if (word[0] != '\0')
				json_object_set_new(json, k->key, json_string(word));
			continue;
		}
		list = json_array();
		for (unsigned j = 0;
			j < *(const unsigned *)(const void *)((const char *)n + k->count_at); j++)
			json_array_append_new(list, json_string(word + j * (size_t)DHCP_WORD_LEN));
		json_object_set_new(json, k->key, list);
	}
}
