"""What every environment family shares: the contract, the task set, actions and errors."""
