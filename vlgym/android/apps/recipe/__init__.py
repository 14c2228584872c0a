"""The recipe book."""
