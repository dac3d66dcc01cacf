"""Compiled updates against plain ones. The graphs are traced as always, but not turned into C++, which takes a minute."""

import pytest
import torch
from family_toys import LENGTH, random_batch, shrunk, task_of

from dreamer_learning.agent import Agent
from dreamer_learning.devices import Precision
from dreamer_learning.scan import ScanSteps


# graphs: at least as many as there are parts.
@pytest.mark.parametrize(('name', 'seen', 'precision', 'graphs'), [
    ('dreamer_v3', 'vector', 'float32', 9), ('dreamer_v3', 'both', 'bfloat16', 13), ('daydreamer', 'vector', 'float32', 4),
    ('dreamer_v1', 'image', 'float32', 7), ('planet', 'vector', 'float32', 1),
])
def test_a_compiled_update_is_the_plain_one(name: str, seen: str, precision: Precision, graphs: int,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScanSteps, 'COMPILED', 3)
    assert LENGTH % ScanSteps.COMPILED, 'a window must end with fewer steps than a graph has'
    config, task = shrunk(name), task_of(seen, discrete=name == 'dreamer_v3')
    plain, compiled = Agent(config, task, precision=precision), Agent(config, task, precision=precision)
    counters = torch._dynamo.utils.counters
    torch._dynamo.reset()
    counters.clear()
    compiled.compile('aot_eager')
    batch = random_batch(config, task, 0)
    made = []
    for _ in range(2):
        expected, metrics = plain.train_step(batch), compiled.train_step(batch)
        compiled.report(batch)
        made.append(counters['stats']['unique_graphs'])
    assert made[0] >= graphs
    assert made[1] == made[0], 'graphs of the first update did not fit the second'
    assert seen != 'vector' or not counters['graph_break']
    expected.pop('latents')
    tolerance = 1e-4 if precision == 'float32' else 0.05
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(value, rel=tolerance, abs=0.1 * tolerance), key
