"""Self-contained HTML pages and cards, made from what a run left on the disk: of the result, and of the data."""

from tunesmith.report.data_card import CardFiles, data_card
from tunesmith.report.data_rows import Reader
from tunesmith.report.data_view import Card
from tunesmith.report.run import ReportFiles, report
from tunesmith.report.view import Products

__all__ = ["Card", "CardFiles", "Products", "Reader", "ReportFiles", "data_card", "report"]
