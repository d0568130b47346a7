"""The record's published heads, and the gate's figures."""
