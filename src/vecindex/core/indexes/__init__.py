"""What is computed about indexes."""
