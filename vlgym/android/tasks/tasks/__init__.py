"""Tasks with the to-do list: what is to be done, when, how urgently, and what has been done."""

from vlgym.android.tasks.tasks import make, plan

TEMPLATES = (
    make.Add(), make.AddDetailed(), make.Complete(), make.CompleteThree(), make.Delete(), plan.SetPriority(),
    plan.Reschedule(), plan.SetTime(), plan.AddTag(), make.MoveToNewList(), make.ClearCompleted(), plan.DueOn(),
    plan.DueTodayCount(),
)  # fmt: skip
