"""The pages of grants, for their holders and for those who run the model."""
