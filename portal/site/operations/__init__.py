"""Tools of those who run the portal: metrics, the canary, and retention."""
