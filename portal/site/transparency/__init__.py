"""The figures that everybody reads: counted once for each month that is over."""
