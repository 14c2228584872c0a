"""Methods: one file each, a composition of parts named by one line of `vlgym_agents.registry.ALGOS`."""
