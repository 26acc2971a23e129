"""The result of `overlap` as a page."""
