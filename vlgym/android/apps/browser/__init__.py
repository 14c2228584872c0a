"""The browser: tabs, history and bookmarks over the sites that the phone can reach."""
