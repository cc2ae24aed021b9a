/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - words for a terminal: harmless names, numbers for people, the nearest word. */
#pragma once

#include "vswitch/base/base.h"

#include <stdio.h>

/* Copy @text to @out with control characters, backslashes and bytes beyond ASCII that are not
 * valid UTF-8 as \xNN; cut to @size.  Names come from processes that may have been taken over. */
char *text_escape(const char *text, char *out, size_t size);
/* Columns that @text takes on a terminal: UTF-8 code points. */
size_t text_width(const char *text);
/* "1.2 M", "17"; powers of 1000. */
char *text_count(uint64_t n, char *out, size_t size);
/* "1.2 MiB", "17 B". */
char *text_bytes(uint64_t n, char *out, size_t size);
/* "3 d 4 h", "17 s". */
char *text_duration(uint64_t seconds, char *out, size_t size);

/* The word of @words (NULL-terminated) nearest to @word, or NULL when none is near. */
const char *text_nearest(const char *word, const char *const *words);
/* Is @word a near miss of @candidate?  Smaller is nearer; UINT_MAX when it is not. */
unsigned text_distance(const char *word, const char *candidate);
