"""Where the nodes of the tests run."""

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> Iterator[None]:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    with contextlib.closing(socket.socket()) as holder:
        for domain in (1 + (os.getpid() + step) % 100 for step in range(100)):
            # A port holds it, as ROS 2's domain_coordinator does: packages tested at the same time do not meet either.
            with contextlib.suppress(OSError):
                if str(domain) != os.environ.get('ROS_DOMAIN_ID'):
                    holder.bind(('127.0.0.1', 22119 + domain))
                    break
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        yield
