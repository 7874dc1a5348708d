"""Where the logs go: events with fields, one line each, on standard error."""

import logging
import sys

import structlog


def to_stderr(*, quiet: bool = False) -> None:
    """Write structlog's events to standard error: coloured for a terminal, else ``key=value`` for the journal.

    Args:
        quiet: warnings and worse only (the demo shows alerts instead).
    """
    level = logging.WARNING if quiet else logging.INFO
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.LogfmtRenderer(bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # libraries that use the standard library's logging: their warnings only
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
