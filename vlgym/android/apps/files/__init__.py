"""The file manager."""
