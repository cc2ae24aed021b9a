/* SPDX-License-Identifier: Apache-2.0 */
/* model_diff.h - what is different in a later model: the rows to write, and words for people. */
#pragma once

#include "config/model.h"

#include <jansson.h>

enum model_change {
	MODEL_SAME,
	MODEL_ADDED,
	MODEL_CHANGED, /* with the same id */
	MODEL_REPLACED, /* the same name, another id */
};

/* How an object of the later model came about. */
enum model_change model_diff_network(const struct model *before, const struct network_cfg *n);
enum model_change model_diff_vif(
	const struct model *before, const struct model *next, const struct vif_cfg *v);
enum model_change model_diff_forward(
	const struct model *before, const struct model *next, const struct forward_cfg *f);

/* {"added": ["network lab"], "changed": [...], "deleted": [...]}; a replaced vif is a changed one.
 * NULL without memory. */
json_t *model_diff_print(const struct model *before, const struct model *next);
bool model_diff_is_empty(const json_t *diff);
