"""Question files, the model that embeds them, and the stored sets."""
