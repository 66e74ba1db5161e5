"""The words of a report, in plain ones: a page is read by whoever is on call."""

from __future__ import annotations

WORDS: tuple[tuple[str, str], ...] = (
    ("Score", "how far something moved; 1 is the most that chance does, there is no upper end"),
    ("Inputs", "the columns, texts or images as they were delivered"),
    ("Embedding", "what the model makes of a row before it answers: its own view of the inputs"),
    ("Direction", "one of the main ways in which rows differ in that view; direction 1 is the strongest"),
    ("Residual", "what of a row no direction explains: it grows where rows are unlike all that were seen before"),
    (
        "Mix",
        "how often each class occurs; the answers may have a new mix because the classes do, or because the model errs",
    ),
    ("Learnt", "estimated from drift that was simulated: what damage of that look cost on rows whose labels are known"),
    ("Corrected", "confidence, corrected by what it left out on such simulated drift"),
    (
        "Confidence",
        "estimated from how sure the model is, corrected by how often it was right when it was as sure before",
    ),
    ("Regions", "the same, corrected within every region of the embedding"),
    ("Weighted", "the same, corrected on the old rows that look most like the new ones"),
    (
        "Not known",
        "nothing like this window was simulated, or its interval is too wide for a number; only labels can tell",
    ),
    ("90 %", "nine of ten such intervals hold the true accuracy; none of them sees labels that changed their meaning"),
)
"""Word -> what it means."""
