"""What the tests of all packages stand on."""

import os

import pytest

from dreamer_node.testing import private_domain


def test_sessions_at_the_same_time_have_domains_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    sessions, domains = [], []
    for _ in range(3):
        monkeypatch.setenv('ROS_DOMAIN_ID', '0')
        sessions.append(private_domain())
        next(sessions[-1])
        domains.append(int(os.environ['ROS_DOMAIN_ID']))
    assert len(set(domains)) == 3
    assert all(1 <= domain <= 100 for domain in domains)
    assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    next(sessions.pop(0), None)
    monkeypatch.setenv('ROS_DOMAIN_ID', str(domains[1]))
    last = private_domain()
    next(last)
    assert int(os.environ['ROS_DOMAIN_ID']) not in domains[1:]
