"""Begins an agent with the networks of another one, wherever names and shapes agree.

A tensor is called <room>.<part>. ...: model.encoder.mlp.layers.0.weight is of the part `encoder`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Adopted(NamedTuple):
    """What an agent took over from another one's state.

    Attributes:
        loaded: names of its own tensors that have the other's values now.
        shapes: name -> (shape there, shape here) of those that do not fit.
        missing: names of its own that the other does not have.
        unused: names that only the other has.
        apart: names of its own running averages that fit, but begin anew because what they belong to was not loaded whole.
    """

    loaded: list[str]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    missing: list[str]
    unused: list[str]
    apart: list[str]

    def parts(self) -> dict[str, tuple[int, int]]:
        """Part -> tensors loaded, and how many it has."""
        own = [*self.loaded, *self.shapes, *self.missing, *self.apart]
        return {part: (sum(_part(name) == part for name in self.loaded), sum(_part(name) == part for name in own))
                for part in sorted({_part(name) for name in own})}

    def incomplete(self, wanted: Iterable[str]) -> list[str]:
        """Those of the parts that were not loaded whole."""
        parts = self.parts()
        return [part for part in wanted if part in parts and parts[part][0] < parts[part][1]]

    def describe(self) -> str:
        """One line: how much was loaded, of all and of each part."""
        parts = self.parts()
        text = f'{len(self.loaded)} of {sum(count for _, count in parts.values())} tensors loaded ('
        text += ', '.join(f'{part} {loaded} of {count}' for part, (loaded, count) in parts.items()) + ')'
        if self.shapes:
            name, (there, here) = next(iter(self.shapes.items()))
            text += f'; for example {name} is {list(there)} there, {list(here)} here'
        return text + (f'; not used: {", ".join(sorted({_part(name) for name in self.unused}))}' if self.unused else '')


def adopt(networks: nn.Module, other: Mapping[str, Tensor]) -> Adopted:
    """Load what fits.

    A running average means something only beside the networks that it was taken of: those of its part or, where that has
    none, of its room.
    """
    own = networks.state_dict()
    fitting = {name for name, value in other.items() if name in own and value.shape == own[name].shape}
    parameters = {name for name, _ in networks.named_parameters()}
    anew = {prefix for name in parameters - fitting for prefix in (_room(name), _part(name))}
    with_networks = {_part(name) for name in parameters}
    apart = {name for name in fitting - parameters
             if (_part(name) if _part(name) in with_networks else _room(name)) in anew}
    networks.load_state_dict({**own, **{name: other[name] for name in fitting - apart}})
    return Adopted(
        loaded=[name for name in own if name in fitting - apart],
        shapes={name: (tuple(other[name].shape), tuple(own[name].shape)) for name in own
                if name in other and name not in fitting},
        missing=[name for name in own if name not in other],
        unused=[name for name in other if name not in own],
        apart=[name for name in own if name in apart],
    )


def _room(name: str) -> str:
    return name.split('.')[0]


def _part(name: str) -> str:
    return '.'.join(name.split('.')[1:2]) or name
