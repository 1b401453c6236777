"""A bar for each preset, on standard error, that counts logons."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def logons_progress(console: Console) -> Progress:
    """Return the bars, to be shown as long as their context is open."""
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("logons"),
        TimeElapsedColumn(),
        console=console,
    )
