"""One self-contained HTML page and one model card, made from what a run left on the disk."""

from tunesmith.report.run import ReportFiles, report
from tunesmith.report.view import Products

__all__ = ["Products", "ReportFiles", "report"]
