# SPDX-License-Identifier: Apache-2.0
"""Makes the shared library and its fixtures known to the tests of this folder."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib.fixtures import *  # noqa: E402,F401,F403
