"""The ros2 command: the part of ROS 2's command line that works without a ROS 2 installation."""
