/* SPDX-License-Identifier: Apache-2.0 */
/* bell.h - signal an eventfd that somebody else holds too, without ever waiting.
 *
 * write(2) to a VMM's call fd waits when the counter is full and O_NONBLOCK is off, and both are the
 * VMM's to decide: the flag belongs to the open file, which is shared.  So the kernel is made to signal:
 * a read of nothing by io_submit(2) with IOCB_FLAG_RESFD ends in a signal to that eventfd, which never waits.
 * Where the kernel has no AIO to give, write(2) behind poll(2) must do.
 * Thread: one a bell. */
#pragma once

#include "vswitch/base/base.h"

struct bell;

/* NULL: out of memory.  Before the sandbox. */
struct bell *bell_create(void);
void bell_destroy(struct bell *b);
/* Does the kernel do it, so that nobody can make us wait? */
bool bell_is_safe(const struct bell *b);
/* Add 1 to @fd, an eventfd.  @b NULL: as where there is no AIO. */
void bell_ring(struct bell *b, int fd);
