"""The console: what staff see. See docs/console.md."""
