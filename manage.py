#!/usr/bin/env python
"""Weightgate's administrative commands."""

import os
import sys


def main() -> None:
    from portal.embedded.adopting import adopt_demo

    adopt_demo(os.environ)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
