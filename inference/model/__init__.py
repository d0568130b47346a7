"""The OPT model: its arithmetic, its weights from files, and how it is split over ranks."""
