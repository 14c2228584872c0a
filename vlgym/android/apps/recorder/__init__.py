"""The audio recorder: recording, playing, naming and deleting."""
