/* SPDX-License-Identifier: Apache-2.0 */
/* leases.c - read the file in which dnsmasq keeps its leases.
 *
 * From: rpc_lease.c.  What binds and leads guests is read by reconcile_leases.c.
 * Theory: a line is "EXPIRY MAC ADDRESS NAME CLIENT-ID", EXPIRY in seconds since 1970 or 0 for ever;
 * those of IPv6 have a number in the place of the MAC.  Name and id are the guest's words: a name is
 * shown when it is one, the id never; lines that are too long are skipped.  dnsmasq writes it anew with each change, so what
 * is half written is read again when the rest is there.
 * Thread: any; no state. */
#include "config/leases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN 1024

static bool is_name(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
		== strlen(text);
}

/* One line as a lease that is in force. */
static bool read_lease(const char *line, time_t now, struct lease_row *out)
{
	char *at, who[64], addr[IP_STR_LEN], name[LEASE_NAME_LEN];
	long long expires;

	*out = (struct lease_row){ 0 };
	errno = 0;
	expires = strtoll(line, &at, 10);
	if (at == line || errno != 0 || (expires != 0 && expires <= (long long)now)
		|| sscanf(at, " %63s %45s %63s", who, addr, name) != 3
		|| ip_parse(addr, &out->addr) != 0)
		return false;
	out->expires = (time_t)expires;
	if (is_name(name))
		memcpy(out->name, name, sizeof(out->name));
	return !ip_is_v4(&out->addr) || mac_parse(who, &out->mac) == 0;
}

unsigned leases_read(const char *path, time_t now, struct lease_row *out, unsigned max)
{
	FILE *f = fopen(path, "re");
	bool is_rest = false;
	char line[LINE_LEN];
	unsigned n = 0;

	while (f != NULL && n < max && fgets(line, sizeof(line), f) != NULL) {
		bool was_rest = is_rest;

		is_rest = strchr(line, '\n') == NULL;
		n += !was_rest && read_lease(line, now, &out[n]);
	}
	if (f != NULL)
		fclose(f);
	return n;
}
