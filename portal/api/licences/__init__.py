"""Licence texts and signatures."""
