"""Watching production: drift against the reference, accuracy without labels, reports and alerts.

Judges numbers that others computed: the rows, the champion's probabilities and its embedding (`Judged`).
The only room that knows Evidently and Apprise; both are imported when first used.
"""
