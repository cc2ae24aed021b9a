# SPDX-License-Identifier: Apache-2.0
"""What the system, crash and quickstart tests share; lib/topo.py is where to begin reading."""
