"""A running Label Studio, over its HTTP API through `label-studio-sdk`: tasks go there, results come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.prepare.annotate.tasks import ROW, Task
from tunesmith.recipe.annotate import Server
from tunesmith.runtime import Runtime

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

_TASKS_AT_ONCE: Final = 250
_TIMEOUT_SECONDS: Final = 60.0


class LabelStudioProject:
    """The project of one recipe on a server, found by its title."""

    def __init__(self, server: Server, title: str, runtime: Runtime) -> None:
        """Raises TunesmithError `annotate-sdk` (not installed), `annotate-key` (the secret is not set)."""
        try:
            from label_studio_sdk import LabelStudio
        except ImportError as error:
            raise TunesmithError("annotate-sdk") from error
        token = runtime.secrets.get(server.key)
        if not token:
            raise TunesmithError("annotate-key", name=server.key)
        self._url = server.url
        self._title = title
        self._client: LabelStudio = LabelStudio(base_url=server.url, api_key=token, timeout=_TIMEOUT_SECONDS)

    def push(self, config: str, tasks: Sequence[Task]) -> int:
        """Add the tasks whose rows the project lacks, in a new project where there is none; how many those were.

        Raises RunFailed `annotate-server`.
        """
        with self._told():
            project = self._find()
            if project is None:
                project = self._client.projects.create(title=self._title, label_config=config).id
                known: set[str] = set()
            else:
                self._client.projects.update(project, label_config=config)
                listed = self._client.tasks.list(project=project, fields="all")
                known = {str((task.data or {}).get(ROW)) for task in listed}
            missing = [task for task in tasks if task["data"][ROW] not in known]
            for start in range(0, len(missing), _TASKS_AT_ONCE):
                self._client.projects.import_tasks(project, request=missing[start : start + _TASKS_AT_ONCE])
            return len(missing)

    def fetch(self) -> list[dict[str, Any]]:
        """All tasks with their annotations, as the export in JSON has them.

        Raises TunesmithError `annotate-project` (there is none of that title), RunFailed `annotate-server`.
        """
        with self._told():
            project = self._find()
            if project is None:
                raise TunesmithError("annotate-project", title=self._title, url=self._url)
            found: list[dict[str, Any]] = self._client.projects.exports.as_json(project)
            return found

    def _find(self) -> int | None:
        listed = self._client.projects.list(title=self._title)
        return next((project.id for project in listed if project.title == self._title), None)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the server refuses, or that it is not there, as a coded error without the headers of the answer."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except ApiError as error:
            raise RunFailed(
                "annotate-server", url=self._url, problem=f"{error.status_code} {error.body}"[:300]
            ) from error
        except httpx.HTTPError as error:
            raise RunFailed("annotate-server", url=self._url, problem=str(error)) from error
