"""Message definitions as bags carry them: the .msg text with all types it uses, and the type's hash."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from dreamer_learning.config import ConfigError

SEPARATOR = '=' * 80
FIELD = re.compile(r'^\s*([A-Za-z]\w*(?:/\w+)*)(?:<=\d+)?(?:\[[<=\d]*\])?\s+[a-zA-Z]\w*')
PRIMITIVES = frozenset(
    ['bool', 'byte', 'char', 'float32', 'float64', 'string', 'wstring']
    + [f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)]
)


def message_definition(kind: str) -> str:
    """The definition in MCAP's encoding `ros2msg` (https://mcap.dev/spec/registry#ros2msg).

    Args:
        kind: for example dreamer_interfaces/msg/Observation.

    Raises:
        ConfigError: the type, or one that it uses, is not installed.
    """
    texts: dict[str, str] = {}
    _collect(_short(kind), texts)
    first, *others = texts.items()
    parts = [first[1]] + [f'{SEPARATOR}\nMSG: {name}\n{text}' for name, text in others]
    return '\n'.join(part.rstrip('\n') for part in parts) + '\n'


def type_hash(kind: str) -> str:
    """The RIHS01 hash of a type (REP-2016), or '' where the type is installed without its description."""
    package, *_, name = kind.split('/')
    path = _share(package) / 'msg' / f'{name}.json'
    if not path.is_file():
        return ''
    hashes = json.loads(path.read_text(encoding='utf-8')).get('type_hashes', [])
    return next((item['hash_string'] for item in hashes if item['type_name'] == kind), '')


def _collect(name: str, texts: dict[str, str]) -> None:
    if name in texts:
        return
    package, short = name.split('/')
    path = _share(package) / 'msg' / f'{short}.msg'
    if not path.is_file():
        raise ConfigError(f"{path}: message definition of '{name}' is not installed")
    texts[name] = path.read_text(encoding='utf-8')
    for line in texts[name].splitlines():
        match = FIELD.match(line.split('#', 1)[0])
        if match and match[1] not in PRIMITIVES:
            _collect(_short(match[1] if '/' in match[1] else f'{package}/{match[1]}'), texts)


def _short(kind: str) -> str:
    package, *_, name = kind.split('/')
    return f'{package}/{name}'


def _share(package: str) -> Path:
    try:
        return Path(get_package_share_directory(package))
    except PackageNotFoundError:
        raise ConfigError(f"package '{package}' is not installed; its message definitions go into every bag") from None
