"""The store: domain verbs (protocol), the writer thread, and one folder per engine."""
