"""The clock: alarms, world clock, timers, stopwatch."""
