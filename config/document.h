/* SPDX-License-Identifier: Apache-2.0 */
/* document.h - the whole desired state as one JSON object, there and back:
 * {"networks": [...], "vifs": [...], "forwards": [...]}, each item with the schema's keys.
 *
 * Life of an apply: document_parse() makes the model that the document describes out of the present
 * one; the caller asks the host, stores what model_diff.h finds different, and swaps the models.
 * Thread: the daemon has one. */
#pragma once

#include "config/model.h"

#include <jansson.h>

/* Ordered by name, without what the defaults give again; document_parse() takes it.  New reference,
 * NULL without memory. */
json_t *document_print(const struct model *m);

/* The model that @document describes.  An object of @before with the same name keeps its ids and,
 * when the document does not say otherwise, its MAC addresses; a vif whose fixed fields differ is a
 * new one.  NULL with @e, whose path is that of the item: networks[2].subnets[0]. */
struct model *document_parse(const json_t *document, const struct model *before, struct err *e);

/* Turn the path of an error about an object (network.lab.subnets) into that of its item. */
void document_locate(const json_t *document, struct err *e);
