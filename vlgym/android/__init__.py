"""A simulated Android phone that real Android tooling takes for real; see device.py for its door."""
