"""The embedded engine."""

from gateway.store.sqlite.engine import SqliteStore

__all__ = ["SqliteStore"]
