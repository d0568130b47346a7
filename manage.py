#!/usr/bin/env python
"""Weightgate's administrative commands."""

import sys

from portal.cli.managing import manage

if __name__ == "__main__":
    sys.exit(manage(sys.argv[1:]))
