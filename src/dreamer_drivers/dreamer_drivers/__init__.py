"""Actions to robots, through the safety gate."""
