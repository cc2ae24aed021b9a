/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify.h - tell the service manager how we are, by $NOTIFY_SOCKET; sd_notify(3)'s protocol. */
#pragma once

/* Send @state ("READY=1").  Without $NOTIFY_SOCKET nothing happens; errors are logged. */
void sd_notify_send(const char *state);
