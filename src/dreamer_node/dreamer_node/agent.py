"""Which agent a node trains or acts with. Imports torch, as dreamer_learning does."""

from __future__ import annotations

from pathlib import Path

from rclpy.node import Node

from dreamer_learning.agent_config import AgentConfig, block_names, load_agent
from dreamer_node.runtime import declare


def assigned_agent(node: Node, folder: Path) -> AgentConfig:
    """Declare the parameters agent, size and blocks, and load what they name.

    Args:
        folder: the configuration folder, see robot.assignment.

    Raises:
        ConfigError: there is no such agent, size or block, or they do not go together.
    """
    agent = str(declare(node, 'agent', 'dreamer_v3', 'name of a file in config/agents'))
    size = str(declare(node, 'size', 'cpu', 'size block of the agent'))
    blocks = str(declare(node, 'blocks', '', 'named blocks of the agent that stack on the size, separated by commas'))
    return load_agent(folder, agent, size, blocks=block_names(blocks))
