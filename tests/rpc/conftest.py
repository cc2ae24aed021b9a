# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import daemon as daemon_module  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture
def idle_daemon(tmp_path):
    """A daemon that is not started yet."""
    d = daemon_module.Daemon(str(tmp_path))
    yield d
    d.stop()


@pytest.fixture
def daemon(idle_daemon):  # pylint: disable=redefined-outer-name
    return idle_daemon.start()
