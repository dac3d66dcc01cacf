"""Compiled updates against plain ones. The graphs are traced as always, but not turned into C++, which takes a minute."""

import pytest
import torch
from family_toys import LENGTH, random_batch, shrunk, task_of

from dreamer_learning.agent import Agent
from dreamer_learning.scan import ScanSteps


# How many graphs: filter forwards and backwards, of two lengths; its weights, imagined step, actor, losses of model and path.
@pytest.mark.parametrize(('name', 'seen', 'graphs'), [
    ('dreamer_v3', 'vector', 9), ('daydreamer', 'vector', 3), ('dreamer_v1', 'image', 3), ('planet', 'vector', 1),
])
def test_a_compiled_update_is_the_plain_one(name: str, seen: str, graphs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScanSteps, 'COMPILED', 3)
    assert LENGTH % ScanSteps.COMPILED, 'a window must end with fewer steps than a graph has'
    config, task = shrunk(name), task_of(seen, discrete=name == 'dreamer_v3')
    plain, compiled = Agent(config, task), Agent(config, task)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled.compile('aot_eager')
    batch = random_batch(config, task, 0)
    for _ in range(2):
        expected, metrics = plain.train_step(batch), compiled.train_step(batch)
    counters = torch._dynamo.utils.counters
    assert counters['stats']['unique_graphs'] >= graphs
    assert seen != 'vector' or not counters['graph_break']
    expected.pop('latents')
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key
