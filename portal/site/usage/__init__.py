"""The sums of hosted use: a page and its CSV."""
