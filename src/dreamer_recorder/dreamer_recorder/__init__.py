"""Every step to rosbag2 files that survive a crash, and back."""
