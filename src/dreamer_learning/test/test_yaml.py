"""What a user may have written into a YAML file."""

import dataclasses
import re
from pathlib import Path

import pytest

from dreamer_learning.config import ConfigError, Count, Share, build, load_yaml


@dataclasses.dataclass
class Numbers:
    count: Count = 1
    share: Share = 0.0
    gain: float = 0.0


def write(folder: Path, text: str) -> Path:
    path = folder / 'robot.yaml'
    path.write_text(text, encoding='utf-8')
    return path


@pytest.mark.parametrize(('text', 'fault'), [
    ('kp: 1.0\nkd: 2.0\nkp: 80.0\n', "line 3: key 'kp' is repeated; it is on line 1 already"),
    ('driver:\n  groups:\n    hip: {kp: 1, kp: 80}\n', "line 3: key 'kp' is repeated; it is on line 3 already"),
    ('list:\n- {a: 1}\n- a: 1\n  "a": 2\n', "line 4: key 'a' is repeated; it is on line 3 already"),
    ('1: a\n"1": b\n', "line 2: key '1' is repeated; it is on line 1 already"),
    ('base: &base {kp: 1}\nhip:\n  <<: *base\n  kd: 1\n  kd: 2\n', "line 5: key 'kd' is repeated; it is on line 4 already"),
    ('a: 1\nb: 2026-13-45\n', "line 2: '2026-13-45' cannot be read: month must be in 1..12"),
    ('a: !!int x\n', "line 1: 'x' cannot be read: invalid literal for int"),
    ('a: !!int ""\n', "line 1: '' cannot be read: "),
    ('a: !!bool x\n', "line 1: 'x' cannot be read: "),
    ('a: !!timestamp x\n', "line 1: 'x' cannot be read: "),
    ('a: ' + '9' * 5000 + '\n', "line 1: '9999"),
    ('a: ' + '[' * 3000 + ']' * 3000, 'not valid YAML: nested too deeply'),
    ('a: ' + '{b: ' * 3000 + '1' + '}' * 3000, 'not valid YAML: nested too deeply'),
    ('a: [1, 2\n', 'not valid YAML: while parsing'),
    ('a: \x07\n', 'not valid YAML: unacceptable character'),
    ('? {a: 1}\n: 2\n', 'not valid YAML: while constructing a mapping'),
    ('- 1\n', 'expected a mapping with text keys'),
    ('1: 2\n', 'expected a mapping with text keys'),
])
def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path, text: str, fault: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=f'^{re.escape(f"{path}: {fault}")}'):
        load_yaml(path)


@pytest.mark.parametrize('value', [10**400, -10**400])
@pytest.mark.parametrize('key', ['count', 'share', 'gain'])
def test_an_int_beyond_the_floats_is_refused_with_its_key(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf'^file: {key}: '):
        build(Numbers, {key: value}, 'file')


def test_merge_keys_take_over_what_is_not_given_anew(tmp_path: Path) -> None:
    text = """
groups:
  hip: &hip {kp: 80.0, kd: 1.0}
  inner: {thigh: &thigh {<<: *hip, kd: 2.0}}
  knee: {<<: *thigh, kp: 60.0}
  foot: {<<: [*hip, *thigh], damping: 1.0}
"""
    assert load_yaml(write(tmp_path, text))['groups'] == {
        'hip': {'kp': 80.0, 'kd': 1.0},
        'inner': {'thigh': {'kp': 80.0, 'kd': 2.0}},
        'knee': {'kp': 60.0, 'kd': 2.0},
        'foot': {'kp': 80.0, 'kd': 1.0, 'damping': 1.0},
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'robot.yaml'
    path.write_bytes('# Höhe\nurdf: a.urdf\n'.encode('latin-1'))
    with pytest.raises(ConfigError, match=f'^{path}: not UTF-8: byte 3 is 0xf6$'):
        load_yaml(path)
    path.unlink()
    path.symlink_to('/proc/self/mem')  # whose first bytes nobody may read
    with pytest.raises(ConfigError, match=f'^{path}: cannot be read: Input/output error$'):
        load_yaml(path)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr(Path, 'is_file', refuse)
    with pytest.raises(ConfigError, match=f'^{tmp_path}/robot.yaml: cannot be read: Permission denied$'):
        load_yaml(tmp_path / 'robot.yaml')


def test_a_missing_file_is_named_with_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, 'a: 1\n')
    with pytest.raises(ConfigError, match=f"^{tmp_path}: no file 'robots.yaml'; did you mean 'robot'"):
        load_yaml(tmp_path / 'robots.yaml')
