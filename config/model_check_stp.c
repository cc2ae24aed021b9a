/* SPDX-License-Identifier: Apache-2.0 */
/* model_check_stp.c - do the settings of a spanning tree fit together?
 * From: model_check.c.
 * Theory: ranges are the schema's.  IEEE 802.1D-2004 §17.14: Max Age >= 2 x (Hello Time + 1), else what
 * a neighbour says is forgotten before it can say it again.  The other half of that rule, 2 x (Forward
 * Delay - 1) >= Max Age, is left out as Linux leaves it out: people set forward delay to 2 s on purpose.
 * Thread: the daemon has one. */
#include "config/model_check.h"

#include <errno.h>

#define PATH_LEN sizeof(((struct err *)NULL)->path)

int model_check_stp(const struct network_cfg *n, struct err *e)
{
	const struct stp_cfg *s = &n->stp;
	char path[PATH_LEN];

	if (s->mode == STP_OFF)
		return 0;
	if (s->mode == STP_RSTP && s->priority % 4096 != 0)
		return err_set(e, -EINVAL, model_network_path(n, "stp_priority", path),
			"with rstp stp_priority is a multiple of 4096, such as %u: the other bits "
			"belong to the bridge's id",
			s->priority / 4096 * 4096u);
	if (s->max_age_s < 2 * (s->hello_s + 1))
		return err_set(e, -EINVAL, model_network_path(n, "max_age", path),
			"max_age %u is too short for hello_time %u: at least %u, twice as long as "
			"hello_time and a second",
			s->max_age_s, s->hello_s, 2u * (s->hello_s + 1));
	return 0;
}
