"""Contacts: the people of the phone, their cards and the form that edits them."""
