"""One look at a desk that was asked of something new: an alert, a candidate, a new champion; all parts are real."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alert_material import answers, trap
from improve_material import NOW, corrected, desk, enthroned, store_at, texts

from tunesmith.cli.watch import stages, tick_json, tick_lines
from tunesmith.lifecycle.watching import watching
from tunesmith.monitor.alerts import Alert
from tunesmith.store import aliases, resolve
from tunesmith.store.cycles import rounds

WEEK_END = timedelta(days=8)


@pytest.mark.slow
def test_drift_is_told_and_answered(tmp_path: Path) -> None:
    times = [NOW]
    with trap(answers(204)) as made, store_at(tmp_path / "work" / "store.db", lambda: times[-1]) as store:
        webhook = {"url": made.url, "private": True, "secret": "HOOK_SECRET"}
        section = {"min_exchanges": 20, "max_points": 60, "alerts": {"webhook": webhook}}
        job = desk(tmp_path, monitor=section)
        secrets = {"HOOK_SECRET": "word"}
        job = replace(job, runtime=replace(job.runtime, clock=lambda: times[-1], secrets=secrets))
        enthroned(job, store)
        bundle = resolve(store, "champion").bundle
        # asked in the first minutes of a week, and corrected
        asked = NOW + timedelta(days=1)
        corrected(store, job, texts("violin", 60, 1), "lamp", "violin")
        with store.database.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE exchanges SET version = ?, at = datetime(at, '+1 day') || '.000000'", (bundle,)
            )
        assert min(each.at for each in store.exchanges()) == asked
        times.append(NOW + WEEK_END + timedelta(hours=1))
        with watching(job, store, stages()) as held:
            tick = held.tick()
            again = held.tick()
        assert [report.body.num_exchanges for report in tick.reports] == [60]
        assert "ngrams" in {alert.feature for alert in tick.alerts}
        assert [Alert.model_validate_json(post.body) for post in made.posts] == list(tick.alerts)
        assert all("v1=" in post.headers["tunesmith-signature"] for post in made.posts)
        assert tick.trigger is not None
        assert tick.trigger["by"] == "drift"
        assert tick.round is not None
        assert tick.round.state == "promoted"
        assert str(aliases(store)["champion"]) == "desk@2"
        assert (again.reports, again.alerts, again.trigger, again.round) == ([], [], None, None)
        assert len(rounds(store)) == 1
        assert tick_json(tick)["round"] == {"id": tick.round.id, "state": "promoted", "passage": "promote"}
        assert len(tick_lines(tick)) == 2
