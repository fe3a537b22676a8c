"""Reading feeds: the parts of the rss input.  Only `worker`, `entries` and `wire` run in the daemon."""
