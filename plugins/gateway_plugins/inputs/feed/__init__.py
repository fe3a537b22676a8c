"""Reading feeds: the parts of the rss input.  `child` and what it imports run in a process of its own."""
