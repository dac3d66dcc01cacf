"""Compiled losses against plain ones. The graphs are traced as always, but not turned into C++, which takes a minute."""

import pytest
import torch
from family_toys import random_batch, shrunk, task_of

from dreamer_learning.agent import Agent


@pytest.mark.parametrize('name', ['dreamer_v3', 'daydreamer'])
def test_a_compiled_update_is_the_plain_one(name: str) -> None:
    config, task = shrunk(name), task_of(discrete=name == 'dreamer_v3')
    plain, compiled = Agent(config, task), Agent(config, task)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled.compile('aot_eager')
    batch = random_batch(config, task, 0)
    for _ in range(2):
        expected, metrics = plain.train_step(batch), compiled.train_step(batch)
    assert torch._dynamo.utils.counters['stats']['unique_graphs'] >= (2 if name == 'dreamer_v3' else 1)
    expected.pop('latents')
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key
