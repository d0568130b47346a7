"""Letters to the people of a gate, as often as each of them chose, and their daily digest."""
