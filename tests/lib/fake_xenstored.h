/* SPDX-License-Identifier: Apache-2.0 */
/* fake_xenstored.h - a xenstored in a thread of the test: keys, watches, transactions that always succeed.
 *
 * Life: fake_xenstored_start() listens at a path; the test changes keys as toolstack and guest would;
 * fake_xenstored_stop().  Threads: any; one lock. */
#pragma once

#include "vswitch/base/base.h"

struct fake_xenstored;

struct fake_xenstored *fake_xenstored_start(const char *path);
/* Hangs up, and listens no more. */
void fake_xenstored_stop(struct fake_xenstored *f);

/* @value NULL: removes the key and everything below. */
void fake_set(struct fake_xenstored *f, const char *path, const char *value);
/* "" when there is no such key; valid until the next call. */
const char *fake_get(struct fake_xenstored *f, const char *path);
/* Requests that came so far. */
uint64_t fake_requests(struct fake_xenstored *f);
