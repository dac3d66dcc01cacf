"""Policy files: the same steps as PyTorch, and a clear line for what cannot be used."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from learning_toys import CONFIG_DIR, small_config, small_task

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.export import Origin, export_policy, largest_difference, normal_quantile
from dreamer_learning.onnx_policy import OnnxPolicy
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

ORIGIN = Origin('toy', updates=12, env_steps=345, weights_version=678)


def trained(config: AgentConfig, task: Task, seed: int = 1) -> Policy:
    """A policy with scales and biases that are not 1 and 0, and heads that do not start at zero."""
    agent = Agent(config, task, seed=seed)
    for name, parameter in agent.networks.named_parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name) + seed)))
    policy = Policy(config, task, seed=2)
    policy.load(agent.policy_parameters())
    return policy


def exported(policy: Policy, path: Path) -> Path:
    export_policy(policy.config, policy.task, policy.networks.state_dict(), ORIGIN, path)
    return path


@pytest.fixture(scope='module')
def policy() -> Policy:
    return trained(small_config(), small_task())


@pytest.fixture(scope='module')
def file(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(policy, tmp_path_factory.mktemp('a policy') / 'policy.onnx')


@pytest.mark.parametrize(('agent', 'discrete', 'image'), [
    ('dreamer_v3', False, False),
    ('dreamer_v3', True, True),
    ('daydreamer', False, True),
    ('dreamer_v2', True, False),
    ('dreamer_v2', False, False),
    ('dreamer_v1', False, False),
])
def test_takes_the_same_steps_as_torch(agent: str, discrete: bool, image: bool, tmp_path: Path) -> None:
    policy = trained(load_agent(CONFIG_DIR, agent, 'cpu'), small_task(discrete, image))
    written = OnnxPolicy(exported(policy, tmp_path / 'policy.onnx'))
    assert largest_difference(policy, written, 20) <= 1e-4
    assert largest_difference(trained(policy.config, policy.task, seed=5), written, 20) > 0.1
    # The number of environments is free.
    assert written.act(written.initial(3), observe(policy.task, 3), np.ones(3, bool))[0].shape[0] == 3


def observe(task: Task, envs: int) -> dict[str, np.ndarray]:
    return {name: np.full((envs, *spec.shape), 3, spec.dtype) for name, spec in task.observation.items()}


def test_a_step_draws_and_gives_what_the_torch_policy_does(policy: Policy, file: Path) -> None:
    written, ours = OnnxPolicy(file, seed=7), Policy(policy.config, policy.task, seed=7)
    ours.load(policy.networks.state_dict())
    for mode in ('train', 'eval'):
        (one, carry, latent), (other, expected, kept) = (
            p.act(p.initial(2), observe(p.task, 2), np.ones(2, bool), mode) for p in (written, ours))  # type: ignore[arg-type]
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_array_equal(carry.stoch, expected.stoch)
        assert {name: value.dtype for name, value in latent.items()} == {name: value.dtype for name, value in kept.items()}


def test_has_the_inputs_and_outputs_that_are_documented(policy: Policy, file: Path) -> None:
    session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    sizes = {'deter': (32,), 'stoch': (16,), 'action': (3,), 'latent_noise': (1, 4), 'action_noise': (3,),
             'observation.pose': (5,), 'observation.speed': (2, 2)}
    assert {item.name: tuple(item.shape[1:]) for item in session.get_inputs()} == sizes
    assert [item.name for item in session.get_outputs()] == ['action_mode', 'action_sample', 'next_deter', 'next_stoch']
    inputs = {name: np.full((2, *shape), 0.5, np.float32) for name, shape in sizes.items()}
    mode, sample, deter, stoch = session.run(None, inputs)
    assert (mode.shape, sample.shape, deter.shape, stoch.shape) == ((2, 3), (2, 3), (2, 32), (2, 16))
    assert np.abs(mode - sample).min() > 0.01
    inputs['action_noise'] *= 0
    np.testing.assert_array_equal(session.run(['action_mode', 'action_sample'], inputs), [mode, mode])


def test_says_what_it_is(policy: Policy, file: Path) -> None:
    written = OnnxPolicy(file)
    assert (written.file.agent, written.file.size, written.file.task) == ('dreamer_v3', 'cpu', 'toy')
    assert (written.file.updates, written.file.env_steps, written.file.weights_version) == (12, 345, 678)
    assert written.file.config_hash == policy.config.hash(policy.task)
    assert written.acting == policy.acting
    assert written.task.describe() == policy.task.describe()
    written.check(policy.task)
    onnx.checker.check_model(onnx.load(file), full_check=True)


@pytest.mark.parametrize(('change', 'text'), [
    ({'observation': {'pose': TensorSpec((6,)), 'speed': TensorSpec((2, 2))}}, r'observation.pose: \[\[5\], .*\[\[6\]'),
    ({'observation': {'pose': TensorSpec((5,), angles=2)}}, r"observation.speed: .* there, \(missing\) here"),
    ({'action': ActionSpec(4)}, r'action: \[3, False\] there, \[4, False\] here'),
    ({'control_rate': 25.0}, 'control_rate: 20.0 there, 25.0 here'),
    ({'identity': {'joints': ['hip']}}, r"robot.joints: \(missing\) there, \['hip'\] here"),
])
def test_another_task_is_refused_by_what_differs(policy: Policy, file: Path, change: dict, text: str) -> None:
    with pytest.raises(ConfigError, match=f"policy_file: {file} is for another task \\('toy'\\): {text}"):
        OnnxPolicy(file).check(dataclasses.replace(policy.task, **change))


def test_a_file_that_is_not_whole_is_refused(file: Path, tmp_path: Path) -> None:
    data, cut = file.read_bytes(), tmp_path / 'cut.onnx'
    for length in (0, 1, 1000, len(data) // 2, len(data) - 2000, len(data) - 100, len(data) - 1):
        cut.write_bytes(data[:length])
        with pytest.raises(ConfigError, match='policy_file: .*cut.onnx'):
            OnnxPolicy(cut)


def test_an_altered_or_foreign_file_is_refused(policy: Policy, file: Path, tmp_path: Path) -> None:
    path = tmp_path / 'other.onnx'
    weight = policy.networks.state_dict()['actor.mlp.out.layers.0.weight'].numpy().tobytes()
    data = file.read_bytes()
    path.write_bytes(data.replace(weight, bytes([weight[0] ^ 1]) + weight[1:]))
    assert path.read_bytes() != data
    with pytest.raises(ConfigError, match='the checksum does not match; the file was altered'):
        OnnxPolicy(path)
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(ConfigError, match="is not a policy file: its format is None, expected 'dreamer-policy-1'"):
        OnnxPolicy(path)
    with pytest.raises(ConfigError, match='nowhere.onnx: No such file'):
        OnnxPolicy(tmp_path / 'nowhere.onnx')


def test_an_agent_that_plans_is_refused(tmp_path: Path) -> None:
    config, task = load_agent(CONFIG_DIR, 'planet', 'cpu'), small_task()
    with pytest.raises(ConfigError, match="agent 'planet' cannot be exported: it searches for actions"):
        export_policy(config, task, {}, ORIGIN, tmp_path / 'policy.onnx')


def test_acts_where_torch_cannot_be_imported(file: Path) -> None:
    code = '''
import sys
sys.modules['torch'] = None
import numpy as np
from dreamer_learning.onnx_policy import OnnxPolicy
policy = OnnxPolicy(sys.argv[1])
observation = {name: np.zeros((1, *spec.shape), spec.dtype) for name, spec in policy.task.observation.items()}
print(policy.act(policy.initial(1), observation, np.array([True]))[0].shape)
'''
    result = subprocess.run([sys.executable, '-c', code, file], capture_output=True, text=True, timeout=60, check=False)
    assert (result.stdout, result.stderr) == ('(1, 3)\n', '')


def test_what_is_not_installed_is_named(policy: Policy, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigError, match='./run python -m pip install -c constraints.txt onnxruntime$'):
        OnnxPolicy(file)
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ConfigError, match='./run python -m pip install -c constraints.txt onnx onnxscript$'):
        exported(policy, tmp_path / 'policy.onnx')
    assert list(tmp_path.iterdir()) == []


def test_the_normal_quantile_is_that_of_torch() -> None:
    share = torch.cat([torch.logspace(-7, -1, 400), torch.linspace(0.02, 0.98, 400), 1 - torch.logspace(-6, -2, 100)])
    expected = torch.special.ndtri(share.double())
    torch.testing.assert_close(normal_quantile(share).double(), expected, rtol=2e-6, atol=2e-6)
