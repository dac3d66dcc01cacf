import pytest

from dreamer_actor.settings import check_count, check_mode
from dreamer_learning.config import ConfigError


def test_good_values() -> None:
    assert check_mode('eval') == 'eval'
    assert check_count('prefill', 0) == 0


def test_bad_values_name_the_parameter() -> None:
    with pytest.raises(ConfigError, match="parameter mode: 'trian' is not allowed; did you mean 'train'"):
        check_mode('trian')
    with pytest.raises(ConfigError, match='parameter prefill: -1 is not allowed; at least 0'):
        check_count('prefill', -1)
