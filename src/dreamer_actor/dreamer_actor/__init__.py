"""Runs the policy at the control rate."""
