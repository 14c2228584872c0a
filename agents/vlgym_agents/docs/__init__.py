"""The pages of the methods, made from their files: ``python -m vlgym_agents.docs`` writes docs/methods/."""
