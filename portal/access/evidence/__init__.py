"""Compare what applicants claim with what is proved of them: one rule for every reader."""
