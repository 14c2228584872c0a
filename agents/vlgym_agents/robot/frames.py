"""How states and actions are told to networks: as they are, or from the robot's own frame where it has one.

A network that is told where things are from the tip, and tells where to go from the tip, does the same thing wherever
on the table it happens; one that is told places learns the places of its demonstrations.

Source: Chi et al. 2024, "Universal Manipulation Interface", section 3.3 (relative trajectories); see `TipFrame` of the
environments.

Legend: N environments, D numbers of a state, E numbers of a told state, H actions of a chunk, A numbers of an action.
"""

from __future__ import annotations

from typing import Any

from vlgym_agents.robot.arms import Arms, Array, state_of


class Frames:
    """Tells states and actions to networks and back.

    Args:
        arms: the robots; those without frames of their own (`egocentric`, `frame`) are told as they are.
        relative: from their own frames.
    """

    def __init__(self, arms: Arms | None = None, relative: bool = False) -> None:
        self._arms: Any = arms if relative and hasattr(arms, "egocentric") else None

    def see(self, obs: Any) -> Array:
        """Return told states [N, E] of observations [N, D]."""
        return state_of(obs) if self._arms is None else self._arms.egocentric(obs)

    def into(self, states: Array, actions: Array) -> Array:
        """Return moves [N, H, A] of actions [N, H, A], told in `states` [N, D]."""
        return actions if self._arms is None else self._arms.frame(states).into(actions)

    def out_of(self, states: Array, moves: Array) -> Array:
        """Return actions of moves, the inverse of `into`."""
        return moves if self._arms is None else self._arms.frame(states).out_of(moves)

    def turn(self, states: Array, moves: Array) -> Array:
        """Return differences of actions of differences of moves [N, H, A]; 0 stays 0."""
        return moves if self._arms is None else self._arms.frame(states).turn(moves)


WORLD = Frames()
"""As they are."""
