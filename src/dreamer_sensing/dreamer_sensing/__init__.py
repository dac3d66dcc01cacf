"""Sensors to observations: time alignment, proprioception, images, reward and episode flags."""
