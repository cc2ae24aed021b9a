/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - monotonic time that tests can stop and warp.
 *
 * CLOCK_MONOTONIC is the same for every process of the host, so times stored in shared segments
 * stay meaningful when another engine takes them over. */
#pragma once

#include "vswitch/base/base.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

/* Nanoseconds of CLOCK_MONOTONIC, or of the stopped clock. */
uint64_t clock_now_ns(void);
/* Nanoseconds since the epoch (for captures). */
uint64_t clock_wall_ns(void);
/* Tests only: stop the clock at @now_ns; clock_warp() moves it on; clock_release() gives it back. */
void clock_stop(uint64_t now_ns);
void clock_warp(uint64_t by_ns);
void clock_release(void);
