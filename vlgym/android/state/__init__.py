"""Everything a device remembers: clock, settings, packages, files, databases and logs, as bytes on demand."""

from vlgym.android.state.device_state import State

__all__ = ["State"]
