"""Pairing, order and duplicates."""

import re
from pathlib import Path

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from steps import STREAM, action, messages, observation, topic

from dreamer_recorder.cdr import CdrError, step_key
from dreamer_recorder.info import run, streams
from dreamer_recorder.mcap import McapWriter, Message
from dreamer_recorder.metadata import file_metadata
from dreamer_recorder.reader import ACTION, OBSERVATION, WAIT, read_steps


def bag(folder: Path, name: str, chunks: list[list[Message]]) -> None:
    (folder / name).mkdir(parents=True)
    writer = McapWriter(folder / name / f'{name}_0.mcap')
    for chunk in chunks:
        writer.write(chunk)
    writer.finish(file_metadata)


def of(kind: str, items: list[Message]) -> list[Message]:
    return [item for item in items if item.topic.type == kind]


def test_a_step_has_everything(tmp_path: Path) -> None:
    bag(tmp_path, 'steps_0001', [messages(0, 12)])
    steps = list(read_steps(tmp_path))
    assert [step.step for step in steps] == list(range(12))
    step = steps[11]
    assert step.stream == STREAM
    assert step.stamp == pytest.approx(0.55)
    np.testing.assert_array_equal(step.tensors['joints'], np.full((1, 4), 11, np.float32))
    assert step.tensors['image'].shape == (1, 2, 3, 3)
    assert step.tensors['image'].dtype == np.uint8
    np.testing.assert_array_equal(step.reward, np.array([11], np.float32))
    assert step.action is not None
    np.testing.assert_array_equal(step.action, np.full((1, 2), -11, np.float32))
    assert step.weights_version == 2
    assert step.latent['deter'].dtype == np.float16
    assert [bool(step.is_first[0]) for step in steps] == [number % 10 == 0 for number in range(12)]
    assert [bool(step.is_last[0]) for step in steps] == [number == 9 for number in range(12)]


@pytest.mark.parametrize('order', [(OBSERVATION, ACTION), (ACTION, OBSERVATION)])
def test_the_topics_may_come_one_after_the_other(tmp_path: Path, order: tuple[str, str]) -> None:
    items = messages(0, 50)
    bag(tmp_path, 'steps_0001', [of(order[0], items), of(order[1], items)])
    steps = list(read_steps(tmp_path))
    assert [step.step for step in steps] == list(range(50))
    assert all(step.action is not None and step.action[0, 0] == -step.step for step in steps)


def test_duplicates_and_pairs_across_starts(tmp_path: Path) -> None:
    first = messages(0, 20)[:-1]
    bag(tmp_path, 'steps_0002', [of(ACTION, messages(10, 30)), of(OBSERVATION, messages(10, 30))])
    bag(tmp_path, 'steps_0001', [first])
    steps = list(read_steps(tmp_path))
    assert [step.step for step in steps] == list(range(30))
    # The file of its observation, also where its action is in another one.
    files = [str(tmp_path / name / f'{name}_0.mcap') for name in ('steps_0001', 'steps_0002')]
    assert [step.source for step in steps] == [files[0]] * 20 + [files[1]] * 10
    assert all(step.action is not None for step in steps)


def test_streams_do_not_mix(tmp_path: Path) -> None:
    bag(tmp_path, 'steps_0001', [messages(0, 3, stream=1) + messages(0, 3, stream=2)])
    assert [(step.stream, step.step) for step in read_steps(tmp_path)] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


def test_a_step_without_action_is_kept(tmp_path: Path) -> None:
    items = [item for item in messages(0, WAIT + 20) if item.topic.type == OBSERVATION or step_key(item.data)[1] != 3]
    bag(tmp_path, 'steps_0001', [items[at:at + 7] for at in range(0, len(items), 7)])
    steps = list(read_steps(tmp_path))
    assert [step.step for step in steps] == list(range(WAIT + 20))
    assert [step.step for step in steps if step.action is None] == [3]
    assert steps[3].latent == {}


def test_messages_that_contradict_themselves_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = observation(1)
    wrong.tensors[0].shape = [1, 5]
    broken = Message(topic(OBSERVATION), 10**18, serialize_message(wrong))
    short = Message(topic(OBSERVATION), 10**18, b'\x00\x01\x00\x00')
    bag(tmp_path, 'steps_0001', [messages(0, 1), [broken, short], messages(2, 3)])
    assert [step.step for step in read_steps(tmp_path)] == [0, 2]
    assert re.search(f"{tmp_path}/.*_0.mcap: stream {STREAM} step 1: tensor 'joints'", caplog.text)
    assert caplog.text.count('steps_0001_0.mcap') == 2


def test_no_bags(tmp_path: Path) -> None:
    assert list(read_steps(tmp_path / 'missing')) == []


@pytest.mark.parametrize('step', range(9))
def test_the_key_is_found_without_deserialising(step: int) -> None:
    for message in (observation(step), action(step, stream=7)):
        message.header.frame_id = 'x' * step
        assert step_key(serialize_message(message)) == (message.stream, step)


def test_a_key_of_too_few_bytes() -> None:
    with pytest.raises(CdrError, match='10 bytes are too few'):
        step_key(bytes(10))


def test_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag(tmp_path / 'bags', 'steps_0001', [messages(0, 10) + messages(15, 20)])
    (info,) = streams(tmp_path / 'bags').values()
    assert (info.steps, info.actions, info.episodes, info.gaps, info.missing) == (15, 15, 2, 1, 5)
    assert info.end - info.start == pytest.approx(0.95)
    assert run([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert '15 steps, 15 with action, 2 episodes, 1 gaps (5 steps missing)' in printed
    assert 'steps_0001_0.mcap' in printed


def test_info_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(tmp_path / 'nowhere')]) == 2
    assert 'is not a folder' in capsys.readouterr().err
