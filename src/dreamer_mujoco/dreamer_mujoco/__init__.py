"""MuJoCo plays the hardware of a robot, in lockstep or in real time."""
