"""Continuous control: demonstrations, diffusion behaviour cloning, and reinforcement on top of it."""
