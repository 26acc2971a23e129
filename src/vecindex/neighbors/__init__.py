"""Exact neighbors: in embedding space by FAISS, on a map by a k-d tree."""
