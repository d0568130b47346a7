#!/usr/bin/env python
"""Weightgate's administrative commands."""

import os
import sys


def main() -> None:
    from portal.embedded.demo.adopting import adopt_demo

    adopt_demo(os.environ)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a sentence for the operator, whatever was on its way
        sys.exit(str(error))


if __name__ == "__main__":
    main()
