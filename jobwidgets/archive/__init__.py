"""A local copy of the jobs of a service, kept up to date by asking only for what has changed."""

from jobwidgets.archive.archive import Archive, AsyncArchive
from jobwidgets.archive.sync import SyncResult

__all__ = ["Archive", "AsyncArchive", "SyncResult"]
