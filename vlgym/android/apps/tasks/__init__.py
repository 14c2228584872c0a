"""The to-do list."""
