"""Desk: a small synthetic desktop of windows, pages and settings; see env.py."""
