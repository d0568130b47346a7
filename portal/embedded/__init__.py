"""The demo's and the tests' own PostgreSQL and Valkey, and the supervisor that keeps parts alive.

This code starts the processes that run Django, and needs no Django settings itself. It reads /proc,
so it runs on Linux only.
"""
