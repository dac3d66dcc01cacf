"""Depth-first execution of a launch description."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


Started = list[tuple[LaunchDescriptionEntity, asyncio.Future[Any]]]


def visit_all_entities(entity: LaunchDescriptionEntity, context: LaunchContext, started: Started) -> None:
    """
    Visit `entity` and all that it returns; append (entity, future) to `started` for those still under way.

    An exception gets the attribute `launch_file`: the launch file in which the failing entity stands. What was
    started before it is in `started` all the same.
    """
    try:
        sub_entities = entity.visit(context)
    except Exception as error:
        if not hasattr(error, 'launch_file'):
            error.launch_file = context.get_locals_as_dict().get(  # type: ignore[attr-defined]
                'current_launch_file_path')
        raise
    future = entity.get_asyncio_future()
    if future is not None:
        started.append((entity, future))
    for sub_entity in sub_entities or ():
        visit_all_entities(sub_entity, context, started)


def visit_all_entities_and_collect_futures(entity: LaunchDescriptionEntity, context: LaunchContext) -> Started:
    """Visit `entity` and all that it returns; return (entity, future) for those still under way."""
    started: Started = []
    visit_all_entities(entity, context, started)
    return started
