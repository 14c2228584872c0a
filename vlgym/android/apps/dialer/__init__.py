"""Phone: keypad, recent calls, and the screen of a call."""
