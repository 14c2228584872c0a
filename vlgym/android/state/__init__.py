"""Everything a device remembers: clock, settings, packages, files, databases, activities and logs, as bytes on demand."""
