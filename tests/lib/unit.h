/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - cmocka and the headers it needs before itself. */
#pragma once

/* cmocka.h does not include what it uses, so the order matters. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
