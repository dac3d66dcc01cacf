"""Message definitions for bags."""

import pytest

from dreamer_learning.config import ConfigError
from dreamer_recorder.definitions import message_definition, type_hash
from dreamer_recorder.reader import ACTION, OBSERVATION


@pytest.mark.parametrize('kind', [OBSERVATION, ACTION])
def test_a_definition_has_all_types_it_uses(kind: str) -> None:
    text = message_definition(kind)
    assert 'uint64 stream' in text.split('=' * 80)[0]
    names = [part.splitlines()[1] for part in text.split('=' * 80)[1:]]
    assert sorted(names) == ['MSG: builtin_interfaces/Time', 'MSG: dreamer_interfaces/Tensor', 'MSG: std_msgs/Header']


def test_the_hash_belongs_to_the_type() -> None:
    assert type_hash(OBSERVATION).startswith('RIHS01_')
    assert type_hash(OBSERVATION) != type_hash(ACTION)
    assert type_hash('std_msgs/msg/Missing') == ''


@pytest.mark.parametrize('kind', ['no_such_package/msg/Thing', 'std_msgs/msg/Thing'])
def test_what_is_not_installed_is_an_error(kind: str) -> None:
    with pytest.raises(ConfigError, match='not installed'):
        message_definition(kind)
