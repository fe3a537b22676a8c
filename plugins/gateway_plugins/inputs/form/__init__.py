"""Parts of the inputs `forms` and `api`: what websites and form tools post, and our own pages."""
