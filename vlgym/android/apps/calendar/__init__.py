"""Calendar: months, days, a list of events, and the form that edits one."""
