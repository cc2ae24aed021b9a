/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_write.h - JSON as YAML text. */
#pragma once

#include "vswitch/base/base.h"

#include <jansson.h>
#include <stdio.h>

/* Print objects, lists, strings, integers, booleans and null in block style.  0, or -EIO. */
[[nodiscard]] int yaml_write(FILE *out, const json_t *root);
