"""The household ledger."""
