"""SMS Messenger: conversations, their messages, new ones."""
