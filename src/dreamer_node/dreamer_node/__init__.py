"""What every node of Dreamer for ROS 2 needs: runtime, QoS profiles, message conversion, diagnostics."""
