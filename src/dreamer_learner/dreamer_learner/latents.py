"""Which recorded latents may start a replayed sequence after a resume."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dreamer_recorder.reader import RecordedStep

NEAR = 300_000
"""Milliseconds, the unit of weights_version: weights that lie no further apart make latents of the same kind."""


def without_foreign_latents(steps: Iterable[RecordedStep], version: int) -> Iterator[RecordedStep]:
    """Drop the latents that were made with weights far from those of the checkpoint.

    The replay refreshes its latents as it trains on them; those in the bags are as old as the steps themselves, and a world
    model cannot read the state of another one.

    Args:
        version: weights_version of the checkpoint that training goes on from; 0 = none, then no latent is kept.
    """
    for step in steps:
        near = version > 0 and abs(step.weights_version - version) <= NEAR
        yield step if near or not step.latent else dataclasses.replace(step, latent={})
