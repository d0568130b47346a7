"""An installation on two hosts, web and worker, for tests that meet it from outside.

Each host is a group of processes with a folder, a database role and, where the tests run as root,
an account of its own. They share PostgreSQL, Valkey and an S3 server, which can be stopped, frozen
and killed; what systemd's `Restart=` does for the units, the tests do.
"""
