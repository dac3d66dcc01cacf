import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dreamer_learner.identity import every_value, run_identity
from dreamer_learner.rundir import RunDirectory
from dreamer_learner.settings import Settings
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import load_task

NAMES = {'agent': 'small', 'size': 'tiny', 'task': 'reach', 'robot': 'box'}
SETTINGS = Settings('run', 'cpu', 7, 32.0, True, 5.0, 60.0, 60.0, 0)
IDENTITY = {'joints': ['hip', 'knee'], 'action_range': [[-1.0, 1.0], [0.0, 2.0]]}


@pytest.mark.parametrize(('change', 'text'), [
    ({'reward': 'sum'}, 'reward: none there, sum here'),
    ({'episode_length': 30}, 'episode_length: 20 there, 30 here'),
    ({'control_rate': 25.0}, 'control_rate: 50.0 there, 25.0 here'),
    ({'identity': {**IDENTITY, 'joints': ['hip', 'toe']}}, r"joints: \['hip', 'knee'\] there, \['hip', 'toe'\] here"),
    ({'identity': {**IDENTITY, 'action_range': [[-1.0, 1.0], [0.0, 1.5]]}},
     r'action_range\.knee: \[0\.0, 2\.0\] there, \[0\.0, 1\.5\] here'),
])
def test_a_run_is_refused_to_another_task_or_robot_naming_the_keys(
    config_dir: Path, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    config = load_agent(config_dir, 'small', 'tiny', {})
    task = dataclasses.replace(load_task(config_dir, 'reach'), identity=IDENTITY)
    run = RunDirectory(tmp_path, run_identity(NAMES, config, task), {})
    run.claim()
    run.close()
    RunDirectory(tmp_path, run_identity(NAMES, config, task), {}).close()
    with pytest.raises(ConfigError, match=text):
        RunDirectory(tmp_path, run_identity(NAMES, config, dataclasses.replace(task, **change)), {})


def test_every_value_is_plain_and_complete(config_dir: Path, tmp_path: Path) -> None:
    (tmp_path / 'robots').mkdir()
    (tmp_path / 'robots' / 'box.yaml').write_text('joints: [hip]\ndriver: {cutoff: 1.5}\n')
    config, task = load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach')
    values = every_value(tmp_path, NAMES, config, task, SETTINGS)
    assert values['task_config']['reward'] == 'none'
    assert values['task_config']['observation'] == {'state': {'shape': [5], 'dtype': 'float32', 'angles': 0}}
    assert values['robot_config'] == {'joints': ['hip'], 'driver': {'cutoff': 1.5}}
    assert (values['seed'], values['train_ratio'], values['agent_config']['replay']['batch']) == (7, 32.0, 4)
    assert {'torch', 'numpy'} <= set(values['versions'])
    run = RunDirectory(tmp_path / 'run', run_identity(NAMES, config, task), values)
    run.claim()
    run.close()
    again = RunDirectory(tmp_path / 'run', run_identity(NAMES, config, task), values)
    assert again.changed == []
    again.close()
