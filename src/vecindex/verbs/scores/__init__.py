"""What a map keeps of the articles, measured."""
