"""Where the nodes of the tests run."""

import pytest

from dreamer_node.testing import private_domain

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)
