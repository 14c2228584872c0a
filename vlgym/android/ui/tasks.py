"""The activity stack: tasks of activities, intents, results, as plain data in `state.ui`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vlgym.android.state.intents import (
    ACTION_MAIN,
    CATEGORY_HOME,
    FLAG_CLEAR_TASK,
    FLAG_CLEAR_TOP,
    FLAG_NEW_TASK,
    FLAG_SINGLE_TOP,
    Intent,
    full_component,
    short_component,
)

if TYPE_CHECKING:
    from vlgym.android.state import State

Record = dict[str, Any]
"""One activity: "id", "component", "intent", "saved", "dialogs", "request" and, now and then, "snackbar"."""

MAX_TASKS = 48
"""Tasks that are kept; the longest unused ends, as under memory pressure."""


class Tasks:
    """The tasks of a device, front first, in ``state.ui["tasks"]``: {"id", "activities": [Record, bottom first]}."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def all(self) -> list[dict[str, Any]]:
        """The tasks, front first."""
        tasks: list[dict[str, Any]] = self.state.ui["tasks"]
        return tasks

    @property
    def top(self) -> Record:
        """The resumed activity."""
        record: Record = self.all[0]["activities"][-1]
        return record

    def new_id(self) -> int:
        """Return a number not used before on this device."""
        self.state.ui["next"] += 1
        return int(self.state.ui["next"])

    def resolve(self, what: str | Intent) -> tuple[str, Intent]:
        """Return the component that answers and the intent it gets; raises LookupError with the sentence of `am`."""
        intent = Intent(component=full_component(what)) if isinstance(what, str) else what
        answers = self.state.packages.resolve(intent)
        if not answers:
            if intent.component:
                raise LookupError(f"Error: Activity class {{{intent.component}}} does not exist.")
            raise LookupError(f"Error: Activity not started, unable to resolve Intent {intent}")
        return answers[0], intent

    def start(self, component: str, intent: Intent, caller: Record | None, request: str) -> tuple[Record, bool]:
        """Bring an activity to the front; return its record and whether it is a new one."""
        self._log_start(component, intent, caller)
        package = component.partition("/")[0]
        found = self.state.packages.activity(component)
        mode = found[1].launch_mode if found else "standard"
        self.state.processes.start(package, f"pre-top-activity {{{short_component(component)}}}")
        self.state.packages.state(package).stopped = False
        task = self._task_for(component, intent, caller)
        self.all.remove(task)
        self.all.insert(0, task)
        activities = task["activities"]
        top = activities[-1] if activities else None
        if intent.flags & FLAG_CLEAR_TASK:
            activities.clear()
        is_launch = intent.action == ACTION_MAIN and not intent.extras and activities
        if is_launch and activities and activities[0]["component"] == component and not intent.flags & FLAG_CLEAR_TOP:
            return activities[-1], False  # the launcher brings a task back as it was left
        same = [place for place, record in enumerate(activities) if record["component"] == component]
        if same and (mode == "singleTask" or intent.flags & FLAG_CLEAR_TOP):
            del activities[same[-1] + 1 :]
        top = activities[-1] if activities else None
        single = mode in ("singleTask", "singleTop") or intent.flags & (FLAG_SINGLE_TOP | FLAG_CLEAR_TOP)
        plain = caller is None and not (intent.action or intent.extras or intent.data)
        if top is not None and top["component"] == component and plain:
            return top, False  # `am start` of what is in front already
        if top is not None and top["component"] == component and single:
            top["intent"] = intent.export()
            return top, False
        record = {
            "id": self.new_id(),
            "component": component,
            "intent": intent.export(),
            "saved": {},
            "dialogs": [],
            "request": request,
        }
        activities.append(record)
        return record, True

    def _task_for(self, component: str, intent: Intent, caller: Record | None) -> dict[str, Any]:
        """Return the task an activity goes to: the caller's, or the one of its package."""
        package = component.partition("/")[0]
        if caller is not None and not intent.flags & FLAG_NEW_TASK:
            for task in self.all:
                if any(record is caller for record in task["activities"]):
                    return task
        for task in self.all:
            if task["activities"] and task["activities"][0]["component"].partition("/")[0] == package:
                return task
        task = {"id": self.new_id(), "activities": []}
        self.all.insert(0, task)
        self._forget_old()
        return task

    def _forget_old(self) -> None:
        home = self.state.packages.home()
        others = [t for t in self.all if t["activities"] and t["activities"][0]["component"] != home]
        for task in others[MAX_TASKS:]:
            self.all.remove(task)

    def _log_start(self, component: str, intent: Intent, caller: Record | None) -> None:
        state = self.state
        shown = replace(intent, component=component)
        uid = 2000
        if caller is not None:
            uid = state.packages.state(caller["component"].partition("/")[0]).uid
        state.log.write("ActivityTaskManager", f"START u0 {shown} from uid {uid}", pid=state.processes.system)

    def finish(self, record: Record) -> Record | None:
        """Take an activity off its task; return the one below that waits for its result, if one does."""
        for task in self.all:
            activities = task["activities"]
            for place, found in enumerate(activities):
                if found is record:
                    del activities[place]
                    if not activities:
                        self.all.remove(task)
                        self._keep_home()
                    below = activities[place - 1] if place else None
                    return below if record["request"] else None
        return None

    def remove(self, number: int) -> None:
        """Swipe a task away."""
        self.all[:] = [task for task in self.all if task["id"] != number]
        self._keep_home()

    def drop_package(self, package: str) -> None:
        """Finish every activity of a package."""
        for task in self.all:
            task["activities"] = [r for r in task["activities"] if r["component"].partition("/")[0] != package]
        self.all[:] = [task for task in self.all if task["activities"]]
        self._keep_home()

    def home(self) -> Record:
        """Bring the home screen to the front."""
        component = self.state.packages.home()
        intent = Intent(action=ACTION_MAIN, categories=(CATEGORY_HOME,), component=component, flags=FLAG_NEW_TASK)
        return self.start(component, intent, None, "")[0]

    def _keep_home(self) -> None:
        """See to it that the home screen is somewhere in the stack; behind the last task that ends it comes forward."""
        home = self.state.packages.home()
        if all(task["activities"][0]["component"] != home for task in self.all if task["activities"]):
            record = {
                "id": self.new_id(),
                "component": home,
                "intent": Intent(component=home).export(),
                "saved": {},
                "dialogs": [],
                "request": "",
            }
            self.all.append({"id": self.new_id(), "activities": [record]})

    def behind(self, component: str) -> bool:
        """Return whether an activity lies under others in some task."""
        return any(r["component"] == component for task in self.all for r in task["activities"][:-1])
