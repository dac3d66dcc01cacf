"""Where the nodes of the tests run."""

import os

import pytest


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> None:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    own = str(1 + os.getpid() % 100)
    os.environ['ROS_DOMAIN_ID'] = '101' if os.environ.get('ROS_DOMAIN_ID') == own else own
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
