"""The stream of a backup: a tar within age’s encryption, read and written without a copy of it."""
