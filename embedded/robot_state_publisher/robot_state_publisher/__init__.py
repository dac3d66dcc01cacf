"""Publishes the transforms between a robot's links from its URDF and its joint states."""
