"""Licences, and whether a model may be shipped under one, given those of its base and of its data.

The table says what a licence's own text asks for: https://spdx.org/licenses for what has an SPDX id,
https://huggingface.co/docs/hub/repositories-licenses for the names that the Hub knows. It is no legal advice; what it
does not know is asked about, never waved through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.errors import Phrase
from tunesmith.model.harmless import SUFFIXES


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence by the name that the Hub has for it; what it asks for, as far as shipping a model goes."""

    hub: str
    """In the Hub's list; `other` where that lacks it."""
    name: str
    """As people write it: the SPDX id where there is one."""
    commercial: bool = True
    derivatives: bool = True
    """Whether changed versions may be passed on."""
    family: str | None = None
    """Changed versions are passed on under a licence of the same family alone; None where they need not be."""
    name_prefix: str | None = None
    """What the name of a changed model has to begin with."""
    link: str | None = None
    """Where the text stands, for licences that the Hub does not list."""


def _free(*names: str) -> tuple[Licence, ...]:
    return tuple(Licence(name.lower(), name) for name in names)


_CREATIVE_COMMONS: Final = {
    "by": ("2.0", "2.5", "3.0", "4.0"),
    "by-sa": ("3.0", "4.0"),
    "by-nc": ("2.0", "3.0", "4.0"),
    "by-nd": ("4.0",),
    "by-nc-sa": ("2.0", "3.0", "4.0"),
    "by-nc-nd": ("3.0", "4.0"),
}
"""Versions by terms: `nc` is no commercial use, `nd` no derivatives, `sa` share-alike."""


def _creative_commons(terms: str, version: str) -> Licence:
    parts = terms.split("-")
    return Licence(
        f"cc-{terms}-{version}",
        f"CC-{terms.upper()}-{version}",
        commercial="nc" not in parts,
        derivatives="nd" not in parts,
        family=f"cc-{terms}" if "sa" in parts else None,
    )


def _own(
    hub: str, name: str, *, commercial: bool = True, name_prefix: str | None = None, link: str | None = None
) -> Licence:
    """A model's own licence, which goes with every changed version of it."""
    return Licence(hub, name, commercial, family=name.lower(), name_prefix=name_prefix, link=link)


_LICENCES: Final = (
    *_free("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "ISC", "Zlib", "Unlicense"),
    *_free("CC0-1.0", "PDDL", "ODC-By", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "C-UDA", "WTFPL", "AFL-3.0"),
    *_free("BSL-1.0", "ECL-2.0", "MS-PL", "NCSA", "PostgreSQL", "etalab-2.0", "Artistic-2.0", "MPL-2.0"),
    *(_creative_commons(terms, version) for terms, versions in _CREATIVE_COMMONS.items() for version in versions),
    *(Licence(f"gpl-{version}", f"GPL-{version}", family=f"gpl-{version}") for version in ("2.0", "3.0")),
    *(Licence(f"lgpl-{version}", f"LGPL-{version}", family=f"lgpl-{version}") for version in ("2.1", "3.0")),
    Licence("agpl-3.0", "AGPL-3.0", family="agpl"),
    Licence("odbl", "ODbL-1.0", family="odbl"),
    Licence("cdla-sharing-1.0", "CDLA-Sharing-1.0", family="cdla-sharing"),
    Licence("eupl-1.2", "EUPL-1.2", family="eupl"),
    Licence("osl-3.0", "OSL-3.0", family="osl"),
    _own("openrail", "OpenRAIL"),
    _own("openrail++", "OpenRAIL++"),
    _own("bigscience-openrail-m", "BigScience-OpenRAIL-M"),
    _own("bigscience-bloom-rail-1.0", "BigScience-BLOOM-RAIL-1.0"),
    _own("bigcode-openrail-m", "BigCode-OpenRAIL-M"),
    _own("creativeml-openrail-m", "CreativeML-OpenRAIL-M"),
    _own("llama2", "Llama-2"),
    _own("llama3", "Llama-3", name_prefix="Llama-3"),
    *(_own(f"llama{v}", f"Llama-{v}", name_prefix="Llama") for v in ("3.1", "3.2", "3.3", "4")),
    _own("gemma", "Gemma"),
    _own("other", "DeepSeek", link="https://github.com/deepseek-ai/DeepSeek-LLM/blob/main/LICENSE-MODEL"),
    _own("other", "Qwen", link="https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE"),
    _own(
        "other",
        "Qwen-Research",
        commercial=False,
        link="https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE",
    ),
    _own("other", "Tongyi-Qianwen", link="https://huggingface.co/Qwen/Qwen-7B/blob/main/LICENSE"),
    _own("fair-noncommercial-research-license", "FAIR-Noncommercial-Research", commercial=False),
    Licence("apple-amlr", "Apple-AMLR", commercial=False, family="apple-amlr"),
    Licence("intel-research", "Intel-Research", commercial=False, family="intel-research"),
)
_OTHER_NAMES: Final = {
    "apache": "apache-2.0",
    "apache-2": "apache-2.0",
    "apache-license-2.0": "apache-2.0",
    "apache-license-version-2.0": "apache-2.0",
    "mit-license": "mit",
    "cc0": "cc0-1.0",
    "public-domain": "cc0-1.0",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
    "c-uda-1.0": "c-uda",
    "odbl-1.0": "odbl",
    "postgresql-license": "postgresql",
    "deepseek-license": "deepseek",
    "qwen-license": "qwen",
    "qwen-license-agreement": "qwen",
    "tongyi-qianwen-license-agreement": "tongyi-qianwen",
    "qwen-research-license": "qwen-research",
}
_GRANT: Final = re.compile(r"-(only|or-later)$")


def _plain(name: str) -> str:
    """Lower case, joined by hyphens, `GPL-3.0-or-later` as `gpl-3.0`."""
    return _GRANT.sub("", re.sub(r"[\s_,]+", "-", name.strip().lower()))


_BY_NAME: Final = {
    **{_plain(licence.name): licence for licence in _LICENCES},
    **{licence.hub: licence for licence in _LICENCES if licence.hub != "other"},
}


def known_licence(name: str | None) -> Licence | None:
    """The licence of that name: an SPDX id, the Hub's name, a usual form of either; None for one not in the table."""
    if name is None:
        return None
    plain = _plain(name)
    return _BY_NAME.get(_OTHER_NAMES.get(plain, plain))


@dataclass(frozen=True, slots=True)
class Licensed:
    """What the licences of a shipped model follow from, each as it was written; None where nobody said."""

    model: str | None
    base: str | None
    data: Mapping[str, str | None]
    """By source of rows, or by the model that wrote some."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a model may not be pushed under its licence. `reason` is an entry of the catalogue."""

    reason: Phrase
    is_certain: bool
    """Whether a licence's text rules it out. Otherwise it is for a person to judge: a licence that is not known, or
    terms for data of which it is open how far they reach into a model that learned from them."""


def licence_files(folder: Path) -> list[Path]:
    """What a model's licence asks to be passed on with it, as far as a bundle holds files of that kind."""
    found = (file for name in ("LICENSE*", "NOTICE*") for file in sorted(folder.glob(name)))
    return [file for file in found if file.is_file() and file.suffix in SUFFIXES]


def conflicts(licensed: Licensed, repo: str) -> list[Conflict]:
    """Everything that stands against shipping the model into the repository `owner/name`, the certain first."""
    found = [*_of_model(licensed, repo), *_of_data(licensed)]
    return sorted(found, key=lambda conflict: not conflict.is_certain)


def _of_model(licensed: Licensed, repo: str) -> Iterator[Conflict]:
    shipped, base = known_licence(licensed.model), known_licence(licensed.base)
    if shipped is None:
        yield _conflict("model-unknown", certain=False, licence=licensed.model)
    if base is None:
        yield _conflict("base-unknown", certain=False, licence=licensed.base)
        return
    if not base.derivatives:
        yield _conflict("base-no-derivatives", certain=True, licence=base.name)
    if base.name_prefix and not _plain(repo.rpartition("/")[2]).startswith(base.name_prefix.lower()):
        yield _conflict("base-name", certain=True, licence=base.name, prefix=base.name_prefix)
    if shipped is None:
        return
    if base.family is not None and shipped.family != base.family:
        yield _conflict("base-family", certain=True, licence=base.name, model=shipped.name)
    if shipped.commercial and not base.commercial:
        yield _conflict("base-non-commercial", certain=True, licence=base.name, model=shipped.name)


def _of_data(licensed: Licensed) -> Iterator[Conflict]:
    shipped = known_licence(licensed.model)
    for source, name in licensed.data.items():
        data = known_licence(name)
        if data is None:
            yield _conflict("data-unknown", certain=False, source=source, licence=name)
            continue
        told: dict[str, object] = {"source": source, "licence": data.name}
        if not data.derivatives:
            yield _conflict("data-no-derivatives", certain=False, **told)
        if shipped is None:
            continue
        if shipped.commercial and not data.commercial:
            yield _conflict("data-non-commercial", certain=True, model=shipped.name, **told)
        if data.family is not None and shipped.family != data.family:
            yield _conflict("data-family", certain=False, model=shipped.name, **told)


def _conflict(reason: str, *, certain: bool, **parameters: object) -> Conflict:
    if parameters.get("licence", "") is None:
        reason, parameters = f"{reason}.unsaid", {k: v for k, v in parameters.items() if k != "licence"}
    return Conflict(Phrase(f"licence.{reason}", parameters), certain)
