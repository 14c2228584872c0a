"""Manipulation: a robot arm in MuJoCo, singly and in native batches."""
