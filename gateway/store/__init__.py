"""The store: SQLite on disk, WAL, synchronous=FULL, one writer; see docs/adr/0003-store.md."""
