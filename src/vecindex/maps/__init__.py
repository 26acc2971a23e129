"""Methods that lay the articles out in two dimensions: a module for each."""
