"""Rows to people and back: Label Studio tasks, their results, agreement between annotators, adjudication."""

from tunesmith.prepare.annotate.run import Exported, Imported, compare_annotators, export_tasks, import_results

__all__ = ["Exported", "Imported", "compare_annotators", "export_tasks", "import_results"]
