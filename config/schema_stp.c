/* SPDX-License-Identifier: Apache-2.0 */
/* schema_stp.c - the setters of a network's spanning tree, and back to JSON.
 *
 * From: schema_network.c.
 * Theory: times and priority are kept whatever the mode is: it may be switched on later.
 * Thread: the daemon has one. */
#include "config/schema_object.h"

#include <errno.h>
#include <string.h>

#define PRIORITY_DEFAULT 32768 /* IEEE 802.1D-2004 tables 17-1 and 17-2 */
#define HELLO_DEFAULT_S 2
#define MAX_AGE_DEFAULT_S 20
#define FORWARD_DELAY_DEFAULT_S 15

struct stp_cfg schema_stp_default(void)
{
	return (struct stp_cfg){ .priority = PRIORITY_DEFAULT,
		.hello_s = HELLO_DEFAULT_S,
		.max_age_s = MAX_AGE_DEFAULT_S,
		.forward_delay_s = FORWARD_DELAY_DEFAULT_S };
}

int schema_set_stp_net(struct stp_cfg *s, const char *key, const struct schema_value *v,
	const char *path, struct err *e)
{
	if (strcmp(key, "stp") == 0)
		s->mode = v ? (enum stp_mode)v->index : STP_OFF;
	else if (strcmp(key, "stp_priority") == 0)
		s->priority = v ? (uint16_t)v->number : PRIORITY_DEFAULT;
	else if (strcmp(key, "hello_time") == 0)
		s->hello_s = v ? (uint8_t)v->number : HELLO_DEFAULT_S;
	else if (strcmp(key, "max_age") == 0)
		s->max_age_s = v ? (uint8_t)v->number : MAX_AGE_DEFAULT_S;
	else if (strcmp(key, "forward_delay") == 0)
		s->forward_delay_s = v ? (uint8_t)v->number : FORWARD_DELAY_DEFAULT_S;
	else if (v && (mac_is_zero(&v->mac) || mac_is_multicast(&v->mac)))
		return err_set(e, -EINVAL, path,
			"a bridge's MAC is neither zero nor multicast: the first byte must be "
			"even, such as in 52:54:00:12:34:56");
	else
		s->mac = v ? v->mac : (struct mac){ 0 };
	return 0;
}

void schema_print_stp_net(const struct stp_cfg *s, json_t *json)
{
	char text[MAC_STR_LEN];

	json_object_set_new(json, "stp", json_string(schema_stp_name(s->mode)));
	json_object_set_new(json, "stp_priority", json_integer(s->priority));
	if (s->hello_s != 0)
		json_object_set_new(json, "hello_time", json_integer(s->hello_s));
	if (s->max_age_s != 0)
		json_object_set_new(json, "max_age", json_integer(s->max_age_s));
	if (s->forward_delay_s != 0)
		json_object_set_new(json, "forward_delay", json_integer(s->forward_delay_s));
	if (!mac_is_zero(&s->mac))
		json_object_set_new(json, "stp_mac", json_string(mac_print(&s->mac, text)));
}
