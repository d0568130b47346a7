"""The letters of the gate, in the team's voice. No letter holds a secret."""
