"""Golden numbers: what the authors' public implementations put out for weights and inputs that a formula makes.

Files golden/<generation>_<component>.json hold names, shapes, how a value is made if not by `fill` (`setting`), and the outputs.
Layouts are the original's: dense kernels (in, out), convolutions (height, width, in, out), transposed ones (height, width, out,
in).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning.heads import NormalOutput

FOLDER = Path(__file__).parent / 'golden'


def fill(name: str, shape: Sequence[int], scale: float = 0.3) -> Tensor:
    """A sine over the elements, its phase from the name: float32 of `shape`."""
    phase = (zlib.crc32(name.encode()) % 1000) / 100.0
    values = scale * np.sin(0.7 * np.arange(np.prod(shape), dtype=np.float64) + phase)
    return torch.from_numpy(values.astype(np.float32).reshape(tuple(shape)))


def image(name: str, shape: Sequence[int]) -> Tensor:
    """Pixels from the element's number and the name: uint8 of `shape`."""
    index = np.arange(np.prod(shape), dtype=np.int64)
    pixels = (index * index // 97 + 7 * index + zlib.crc32(name.encode())) % 256
    return torch.from_numpy(pixels.astype(np.uint8).reshape(tuple(shape)))


class Golden:
    """One file: `setting`, weights and inputs by name, and outputs."""

    def __init__(self, name: str) -> None:
        content = json.loads((FOLDER / f'{name}.json').read_text())
        self.setting: dict[str, Any] = content['setting']
        self._shapes: dict[str, list[int]] = {**content['weights'], **content['inputs']}
        self._outputs: dict[str, Any] = content['outputs']

    def __getitem__(self, name: str) -> Tensor:
        """A weight or an input. Scales of norms lie around 1."""
        setting, shape = self.setting, self._shapes[name]
        if name in setting.get('values', {}):
            return torch.tensor(setting['values'][name], dtype=torch.float32).view(shape)
        if name in setting.get('onehot', {}):
            return nn.functional.one_hot(torch.tensor(setting['onehot'][name]), shape[-1]).float()
        if name in setting.get('images', []):
            return image(name, shape)
        shift = np.float32(setting.get('shifts', {}).get(name, 0.0)).item()
        value = fill(name, shape, setting.get('scales', {}).get(name, 0.3)) + shift
        return 1 + value if name.endswith('/scale') else value

    def output(self, name: str) -> Tensor:
        return torch.tensor(self._outputs[name])

    def check(self, name: str, ours: Tensor, tolerance: float = 1e-5) -> None:
        """Compare with the output, relative to its elements and to 1 or, if that is more, its largest element.

        Raises:
            AssertionError: another shape, or another number somewhere.
        """
        expected = self.output(name).float()
        largest = max(1.0, expected.abs().max().item())
        torch.testing.assert_close(ours.detach().float(), expected, rtol=tolerance, atol=tolerance * largest,
                                   msg=lambda message: f'{name}: {message}')

    def check_image(self, name: str, ours: Tensor) -> None:
        """Compare images (N, h, w, c) with every 97th number and the sums over each channel."""
        content = self._outputs[name]
        assert list(ours.shape) == content['shape']
        ours = ours.detach()
        sums = ours.double().sum((0, 1, 2))
        torch.testing.assert_close(ours.flatten()[::97], torch.tensor(content['every_97th']), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(sums, torch.tensor(content['channel_sums'], dtype=torch.float64), rtol=1e-5, atol=1e-5)


def put(parameter: Tensor | None, value: Tensor) -> None:
    """Copy values into a parameter of the same shape."""
    assert parameter is not None
    assert parameter.shape == value.shape, (parameter.shape, value.shape)
    with torch.no_grad():
        parameter.copy_(value)


def put_linear(layer: nn.Linear, golden: Golden, name: str, rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    """Kernel and, where there is one, bias.

    Args:
        rows, columns: the original's numbers of our inputs and outputs, where their order differs.
    """
    kernel = golden[f'{name}/kernel']
    kernel = kernel if rows is None else kernel[rows]
    put(layer.weight, (kernel if columns is None else kernel[:, columns]).t())
    if layer.bias is not None:
        bias = golden[f'{name}/bias']
        put(layer.bias, bias if columns is None else bias[columns])


def put_norm(norm: Any, golden: Golden, name: str) -> None:
    """Scale and shift of `<name>/norm`, where the layer has them."""
    if norm.weight is not None:
        put(norm.weight, golden[f'{name}/norm/scale'])
    if norm.bias is not None:
        put(norm.bias, golden[f'{name}/norm/bias'])


def put_mlp(mlp: Any, golden: Golden, name: str, rows: Tensor | None = None, outputs: Sequence[str] = ()) -> None:
    """Layers <name>/0, <name>/1, ... and the last ones, if `outputs` names them.

    Args:
        rows: the original's numbers of our inputs, where their order differs.
    """
    for index, (layer, norm) in enumerate(zip(mlp.layers, mlp.norms)):
        put_linear(layer, golden, f'{name}/{index}', rows if index == 0 else None)
        put_norm(norm, golden, f'{name}/{index}')
    if outputs:
        layers = getattr(mlp.out, 'layers', [mlp.out])
        assert len(layers) == len(outputs)
        for layer, output in zip(layers, outputs):
            put_linear(layer, golden, f'{name}/{output}')


def class_order(stoch: int, classes: int, offset: int = 0) -> Tensor:
    """The original keeps a latent as (variable, class), this package as (class, variable): its number of each of our inputs."""
    return torch.arange(stoch * classes).view(stoch, classes).t().flatten() + offset


class Column(nn.Module):
    """In the place of a head: one of the features, which are the numbers that a fixture gives."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index, self.output = index, NormalOutput()

    def forward(self, features: Tensor) -> Tensor:
        return features[..., self.index:self.index + 1]

    def predict(self, features: Tensor) -> Tensor:
        return features[..., self.index]


def put_convolution(layer: nn.Conv2d | nn.ConvTranspose2d, golden: Golden, name: str) -> None:
    """Both kinds: the last two axes of the kernel come first in torch, in reverse order."""
    put(layer.weight, golden[f'{name}/kernel'].permute(3, 2, 0, 1))
    if layer.bias is not None:
        put(layer.bias, golden[f'{name}/bias'])
