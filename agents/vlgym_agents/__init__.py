"""The trainer: sees environments only through Gymnasium and the contract of `vlgym.core`."""
