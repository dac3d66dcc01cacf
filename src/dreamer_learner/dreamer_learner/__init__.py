"""Trains the world model and the policy from the stream of steps."""
