"""Parts of the input `api`: who calls, what they say, what becomes of it."""
