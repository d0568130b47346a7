"""The words of synthetic cases: enough of them that two cases rarely say the same."""

from __future__ import annotations

import random

WHAT = (
    "how log-probabilities on source code tell which completions run",
    "which attention heads copy names from the prompt",
    "how often the model repeats passages of its training text",
    "whether pruned layers keep their calibration",
    "how faults in memory change what the model writes",
    "which licences the model reproduces from files that it has read",
    "how much of the vocabulary serves languages other than English",
    "whether refusals depend on the dialect of the prompt",
)
HOW = (
    "by probing each layer with linear classifiers",
    "by comparing activations over pairs of prompts",
    "by a study of a thousand sampled completions, read by two people each",
    "by training sparse autoencoders on the residual stream",
    "by ablating one component at a time",
    "by measuring it at three sizes of the family",
)
WHERE = (
    "on public code", "on parliamentary records", "on textbooks in the public domain",
    "on weather reports", "on the test sets of five published papers",
    "on letters of the nineteenth century",
)  # fmt: skip
OUTPUTS = (
    "A paper, and the code behind it.",
    "A public report with figures, and the tool that made them.",
    "A data set of prompts with their completions.",
    "Course notes under an open licence.",
)
COMPUTE = (
    "One workstation with a 24 GB card.",
    "Eight cards of 80 GB in our own cluster.",
    "None of our own; hosted inference would do.",
)
QUESTIONS = (
    "Will weights leave your institute? The licence covers copies too.",
    "Who else has access to the machine that you name?",
    "Which results will you publish, and when?",
)
ANSWERS = (
    "No. They stay on one server, to which three people have accounts.",
    "Nobody but the group that is named; access ends with the project.",
    "Figures and code, at the end of the project; no weights.",
)
REASONS = {
    "purpose_unclear": "What is measured, and on what, isn’t said.",
    "commercial": "A help for customers is commercial use.",
    "affiliation": "We couldn’t establish that you work where you say.",
    "safeguards": "The weights would lie on a machine that others share.",
    "smaller_model": "The smaller model, which is open to signatures, serves this.",
}
APPEAL = "The purpose is narrower than it was read: nothing of it is shown to anybody outside."
REPORT = "We ran the study as described. The tables are done, and the paper is in review."
CLOSING = "The study is done. All copies of the weights are deleted; the tables stay."
REVOKED = "Copies of the weights were found on a machine that the request doesn’t name."
HELD = "A download came from a place that the request doesn’t name."
CLEARED = "Another person of that name: birth year and country differ."
NOTE = "Sections 1 and 2 both hold. I would ask who runs the machine."


def purpose(draws: random.Random, number: int) -> str:
    """Compose what a case is for; the number keeps it from being another's text."""
    words = f"We study {draws.choice(WHAT)}, {draws.choice(HOW)}, {draws.choice(WHERE)}."
    return f"{words} This is synthetic case {number:04}."
