"""The planner of the timeline: pure functions from lines and limits to placements. Seconds throughout, no audio."""

from worker.timeline.lines import Limits, Line, Placement, Plan
from worker.timeline.planner import plan
from worker.timeline.warp import Slow, Warp, crowded, warp

__all__ = ["Limits", "Line", "Placement", "Plan", "Slow", "Warp", "crowded", "plan", "warp"]
