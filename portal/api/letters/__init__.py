"""Letters to the caller, and a team's own words for the letters it sends."""
