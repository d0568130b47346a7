"""Small corpora of invented words, the same on every run."""

import random


def write_texts(folder, documents=40, words=120, seed=0):
    """Write so many text files of sentences."""
    rng = random.Random(seed)
    known = ["".join(rng.choices("abcdefghilmnorstu", k=rng.randint(2, 8))) for _ in range(200)]
    for number in range(documents):
        chosen = rng.choices(known, weights=range(200, 0, -1), k=words)
        (folder / f"text{number:03}.txt").write_text(" ".join(chosen) + ".\n")
    return folder
