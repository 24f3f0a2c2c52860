"""The log: one JSON object a line on stderr, of fields on a list.

No prompt, answer, header or path of a request is a field, and of an exception only its type and where it happened: the
text of exceptions repeats what they choked on.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from tunesmith.serve.account import Account

ACCESS: Final = logging.getLogger("tunesmith.serve.access")
FIELDS: Final = (
    "request_id",
    "route",
    "method",
    "status",
    "milliseconds",
    "refusal",
    "key",
    "model",
    "exchange",
    "num_prompt_tokens",
    "num_tokens",
    "first_token_milliseconds",
    "finish_reason",
)
"""What a line may hold beside `time`, `level`, `event` and `error`."""
_FRAME: Final = re.compile(r'^\s*File "(?P<file>[^"\n]*)", line (?P<line>[0-9]+), in (?P<name>[\w<>.]+)$', re.MULTILINE)
_OWN: Final = ("tunesmith", "uvicorn")
_MAX_EVENT_CHARACTERS: Final = 200


def write_access(account: Account) -> None:
    """One line for one request."""
    first = account.first_token_seconds
    values = {
        "request_id": account.request_id,
        "route": account.route,
        "method": account.method,
        "status": account.status,
        "milliseconds": round(1000 * account.seconds, 1),
        "refusal": account.refusal,
        "key": account.key,
        "model": account.model,
        "exchange": account.exchange,
        "num_prompt_tokens": account.num_prompt_tokens,
        "num_tokens": account.num_tokens,
        "first_token_milliseconds": None if first is None else round(1000 * first, 1),
        "finish_reason": account.finish_reason,
    }
    ACCESS.info("request", extra=values)


class SafeFormatter(logging.Formatter):
    """A record as a line of JSON, without values."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _event(record),
        }
        if record.levelno >= logging.ERROR and (frames := _frames(str(record.msg))):
            line["error"] = {"frames": frames}
        line |= {name: value for name in FIELDS if (value := vars(record).get(name)) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _error(record.exc_info[1])
        return json.dumps(line)


def _event(record: logging.LogRecord) -> str:
    """What is said: by us and by uvicorn as it is; of failures and by other libraries what stands in their code."""
    if record.levelno < logging.ERROR and record.name.partition(".")[0] in _OWN:
        said = record.getMessage()
    else:
        said = "failed" if _frames(str(record.msg)) else str(record.msg)
    return said.strip().partition("\n")[0][:_MAX_EVENT_CHARACTERS]


def _frames(text: str) -> list[str]:
    """Of a traceback that was made a text, as uvicorn tells a failed start."""
    return [f"{found['file']}:{found['line']} {found['name']}" for found in _FRAME.finditer(text)]


def _error(error: BaseException) -> dict[str, object]:
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    told: dict[str, object] = {"type": type(error).__name__, "frames": frames}
    cause = error.__cause__ or error.__context__
    return told | ({"cause": _error(cause)} if cause is not None and cause is not error else {})


def log_config() -> dict[str, Any]:
    """For uvicorn's `log_config`, or logging's `dictConfig`. uvicorn's own access log, which tells paths, stays off."""
    loggers = ("tunesmith.serve", "uvicorn", "uvicorn.error")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"safe": {"()": SafeFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "safe", "stream": "ext://sys.stderr"}},
        "loggers": {
            **{name: {"handlers": ["stderr"], "level": "INFO", "propagate": False} for name in loggers},
            "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
