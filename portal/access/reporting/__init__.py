"""Reports: figures, exports, the archive of a request, and the erasure of old personal data."""
