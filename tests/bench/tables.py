# SPDX-License-Identifier: Apache-2.0
"""How figures are written down."""

import statistics


def spread(numbers, digits=2):
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f}-" \
           f"{max(numbers):.{digits}f})"


def markdown(rows):
    width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(r, width)) + " |" for r in rows)
