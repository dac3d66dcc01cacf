"""Checkpoints: one safetensors file each, written atomically, with a checksum. Never pickle.

A payload is a nested mapping of tensors, arrays and plain JSON values. Tensors become the file's tensors, the rest a JSON
skeleton in the file's metadata, in which {'$tensor': name} or {'$array': name} stands for a tensor or an array.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from dreamer_learning.atomic import write_file

SUFFIX = '.safetensors'
FORMAT = 'dreamer-checkpoint-1'


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read. The message names the file and says why."""


class Loaded(NamedTuple):
    """The newest intact checkpoint of a folder, and one line for each newer one that was passed over."""

    payload: dict[str, Any]
    path: Path
    warnings: list[str]


def name(step: int) -> str:
    """File name of the checkpoint of a step; names sort as steps do."""
    return f'checkpoint-{step:012d}{SUFFIX}'


def save(path: Path, payload: Mapping[str, Any]) -> None:
    """Write a checkpoint, see atomic.write_file. An older file of that name stays until then.

    Raises:
        CheckpointError: the disk is full or not writable, or the payload holds something else than tensors and JSON values.
    """
    path = Path(path)
    tensors: dict[str, Tensor] = {}
    try:
        skeleton = json.dumps(_take_apart(payload, '', tensors), sort_keys=True)
    except TypeError as error:
        raise CheckpointError(f'{path}: {error}') from None
    metadata = {'format': FORMAT, 'payload': skeleton, 'sha256': _digest(tensors, skeleton)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, safetensors.torch.save(tensors, metadata))
    except OSError as error:
        raise CheckpointError(f'{path}: cannot write the checkpoint: {error.strerror or error}; '
                              'the previous checkpoint stays') from None


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        CheckpointError: no such file, truncated, altered, or not a checkpoint.
    """
    with _opened(path) as (file, metadata):
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    if metadata.get('sha256') != _digest(tensors, metadata['payload']):
        raise CheckpointError(f'{path}: checksum does not match; the file was altered')
    return _put_together(json.loads(metadata['payload']), tensors)


def outline(path: Path) -> dict[str, Any]:
    """What a checkpoint holds beside tensors and arrays, which are neither read nor checked.

    Raises:
        CheckpointError: no such file, or not a checkpoint.
    """
    with _opened(path) as (_, metadata):
        return json.loads(metadata['payload'])


def load_latest(directory: Path) -> Loaded | None:
    """The newest intact checkpoint of a folder; None where there is no checkpoint at all.

    Raises:
        CheckpointError: there are checkpoints, and none of them is intact.
    """
    warnings: list[str] = []
    for path in reversed(_paths(directory)):
        try:
            return Loaded(load(path), path, warnings)
        except CheckpointError as error:
            warnings.append(f'{error}; using the one before')
    if warnings:
        raise CheckpointError(f'{directory}: none of the {len(warnings)} checkpoints is intact; the newest: {warnings[0]}')
    return None


def newest(directory: Path) -> Path | None:
    """The newest checkpoint of a folder, unread; None where there is none."""
    paths = _paths(directory)
    return paths[-1] if paths else None


def prune(directory: Path, keep: int) -> None:
    """Delete all but the newest `keep` (at least 1) checkpoints, and what writing that was cut off before the newest left."""
    paths = _paths(directory)
    if not paths:
        return
    newest = paths[-1].stat().st_mtime_ns
    left = [path for path in Path(directory).glob('.checkpoint-*.tmp') if path.stat().st_mtime_ns < newest]
    for path in [*paths[:-max(keep, 1)], *left]:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """The file and its metadata."""
    try:
        with safetensors.safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            if metadata.get('format') != FORMAT:
                raise CheckpointError(f"{path}: format {metadata.get('format')!r}, expected {FORMAT!r}")
            yield file, metadata
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f'{path}: not a complete checkpoint: {error}') from None


def _paths(directory: Path) -> list[Path]:
    return sorted(Path(directory).glob(f'checkpoint-*{SUFFIX}'))


def _take_apart(value: Any, key: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _take_apart(v, f'{key}/{k}' if key else str(k), tensors) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_take_apart(v, f'{key}/{i}', tensors) for i, v in enumerate(value)]
    if isinstance(value, Tensor):
        tensors[key] = value.detach().cpu().clone().contiguous()
        return {'$tensor': key}
    if isinstance(value, np.ndarray):
        tensors[key] = torch.from_numpy(np.array(value, order='C'))
        return {'$array': key}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"'{key}' is a {type(value).__name__}; a checkpoint holds tensors, arrays and JSON values")


def _put_together(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_put_together(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {'$tensor'}:
        return tensors[value['$tensor']]
    if value.keys() == {'$array'}:
        return tensors[value['$array']].numpy()
    return {key: _put_together(item, tensors) for key, item in value.items()}


def _digest(tensors: Mapping[str, Tensor], skeleton: str) -> str:
    digest = hashlib.sha256(skeleton.encode())
    for key in sorted(tensors):
        tensor = tensors[key]
        digest.update(f'{key} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
