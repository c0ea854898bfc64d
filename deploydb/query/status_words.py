"""The meaning of each status of a deployment, as pages and commands explain it."""

MEANINGS = {
    "SUCCESS": "deployed, and all of its promotions have passed",
    "COMPLETED": "deployed; not all of its promotions have passed yet",
    "STARTED": "its orchestrator has begun",
    "CREATED": "commanded; its orchestrator has not begun",
    "NOT_STARTED": "not commanded yet",
    "FAILED": "its deployment or one of its promotions has failed",
    "SKIPPED": "it is not deployed there",
}
