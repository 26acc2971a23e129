"""What texts say of themselves, without a model."""
