"""Every number of an agent's file has a range: what lies outside is refused, and the least that is allowed trains."""

import dataclasses
import math
import typing
from typing import Annotated, Any

import pytest
from family_toys import random_batch, task_of, tiny

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.config import ConfigError, Range


def numbers(cls: type, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], tuple[type, Range | None]]:
    """Key path -> type and range of each number in a configuration and in those inside it."""
    found: dict[tuple[str, ...], tuple[type, Range | None]] = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if type(None) in typing.get_args(hint) and len(options) == 1:
            hint = options[0]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            found |= numbers(hint, (*path, name))
        elif typing.get_origin(hint) is Annotated:
            kind, allowed = typing.get_args(hint)
            found[*path, name] = (kind, allowed)
        elif hint in (int, float):
            found[*path, name] = (hint, None)
    return found


NUMBERS = numbers(AgentConfig)


NEED_MORE = ('deter', 'candidates', 'capacity', 'return_high', 'kl_balance')
"""Their least value does not go with that of another key."""


def nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    return {path[0]: value if len(path) == 1 else nested(path[1:], value)}


def test_every_number_has_a_range() -> None:
    assert len(NUMBERS) > 60
    assert not [path for path, (_, allowed) in NUMBERS.items() if allowed is None]


@pytest.mark.parametrize('path', NUMBERS, ids='.'.join)
def test_what_lies_outside_is_refused(path: tuple[str, ...]) -> None:
    kind, allowed = NUMBERS[path]
    assert allowed is not None
    wrong = [allowed.low if allowed.above else allowed.low - 1]
    if allowed.high < math.inf:
        wrong.append(allowed.high if allowed.below else allowed.high + 1)
    for value in [*map(kind, wrong), math.nan, math.inf]:
        with pytest.raises(ConfigError, match=rf'dreamer_v3.yaml: {": ".join(path)}: ') as caught:
            tiny('dreamer_v3', nested(path, value))
        assert str(allowed) in str(caught.value) or kind.__name__ in str(caught.value)


@pytest.mark.parametrize('path', [p for p, (_, allowed) in NUMBERS.items() if allowed and not allowed.above], ids='.'.join)
def test_the_least_that_is_allowed_trains_or_is_refused_by_name(path: tuple[str, ...]) -> None:
    kind, allowed = NUMBERS[path]
    assert allowed is not None
    overrides = nested(path, kind(allowed.low))
    if path[-1] in NEED_MORE:
        with pytest.raises(ConfigError, match=path[-1]):
            tiny('dreamer_v3', overrides)
        return
    config = tiny('dreamer_v3', overrides)
    task = task_of('both')
    metrics = Agent(config, task).train_step(random_batch(config, task, 0))
    assert all(math.isfinite(value) for name, value in metrics.items() if name != 'latents')
