"""The pace of steps, on which sensing and the driver agree: the driver takes no more actions than sensing makes steps."""

MEAN_SPACING = 0.9
"""Control periods from one step to the next at least, on average. Clocks differ, and sensors that come this far apart or further
set the pace themselves: each of their readings is a step."""
