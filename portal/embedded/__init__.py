"""The demo's and the tests' own PostgreSQL and Redis, and the supervisor that keeps parts alive.

Nothing here imports Django: this code starts the processes that do. Linux only (it reads /proc).
"""
