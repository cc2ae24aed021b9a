/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_doc.h - YAML text to JSON, with the line of every item.
 *
 * What is read: one document of YAML 1.2 (of which JSON is a part) in UTF-8, with the core schema's
 * types: null, true, false and decimal numbers; all else is a string, and so is what stands in
 * quotes.  Anchors and aliases work and are bounded; tags and merge keys are refused.
 * Life: yaml_doc_read(); yaml_doc_root() and yaml_doc_line(); yaml_doc_destroy(). */
#pragma once

#include "vswitch/base/err.h"

#include <jansson.h>

#define YAML_TEXT_MAX (16u << 20) /* what the daemon takes */

struct yaml_doc;

/* NULL with @e: what is wrong, where, and what would be right. */
struct yaml_doc *yaml_doc_read(const char *text, size_t len, struct err *e);
void yaml_doc_destroy(struct yaml_doc *d);
/* Borrowed; NULL when the text holds nothing but comments. */
json_t *yaml_doc_root(const struct yaml_doc *d);
/* The line of the item "networks[2].subnets[0]", or of what is nearest around it; 0: none is. */
unsigned yaml_doc_line(const struct yaml_doc *d, const char *path);
