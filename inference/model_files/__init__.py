"""Read the small files of a model's folder, within bounds and field by field. Free of torch."""
