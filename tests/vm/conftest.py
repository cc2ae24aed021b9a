# SPDX-License-Identifier: Apache-2.0
"""The tests with real guests use the library and the fixtures of the system tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from lib.fixtures import *  # noqa: E402,F401,F403
