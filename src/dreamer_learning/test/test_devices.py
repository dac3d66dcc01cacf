import pytest

from dreamer_learning.config import ConfigError
from dreamer_learning.devices import check_device


def test_a_device_that_is_there() -> None:
    assert check_device('cpu').type == 'cpu'


@pytest.mark.parametrize('name', ['cuda:77', 'gpu', 'meta', 'cpu:99999999999999999999', 'cuda:-1', ''])
def test_a_device_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError, match=f"parameter device: '{name}' cannot be used .* allowed: cpu"):
        check_device(name)
