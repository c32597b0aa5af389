"""Darwin Core tables of taxa, read line by line: the path of every wanted taxon."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from keras_haframe.tree.validation import check_path, unknown_name

LOW = ("species", "subspecies", "variety", "form", "unranked", "infraspecific_name")  # many of them


class Taxon(NamedTuple):
    """A line of the table; `accepted` is the id of the taxon that a synonym stands for, else ""."""

    id: str
    parent: str
    name: str
    scientific: str
    rank: str
    accepted: str


def paths(path: str | os.PathLike, wanted: Sequence[str] | None) -> list[tuple[str, ...]]:
    """Names from the top to each wanted taxon (by name or id), or to all without a child."""
    asked = set(wanted or ())
    known: dict[str, Taxon] = {}
    named: dict[str, list[Taxon]] = {}
    for taxon in taxa(path):
        matches = asked & {taxon.id, taxon.name, taxon.scientific}
        for match in matches:
            named.setdefault(match, []).append(taxon)
        if not taxon.accepted and (wanted is None or matches or taxon.rank not in LOW):
            known[taxon.id] = taxon
    if wanted is None:
        parents = {taxon.parent for taxon in known.values()}
        classes = [taxon for taxon in known.values() if taxon.id not in parents]
    else:
        classes = [_one(path, text, named.get(text, [])) for text in wanted]
        while missing := {taxon.parent for taxon in known.values()} - set(known) - {""}:
            found = {t.id: t for t in taxa(path) if t.id in missing and not t.accepted}
            if not found:
                break
            known.update(found)
    return [_path(path, taxon, known) for taxon in classes]


def taxa(path: str | os.PathLike) -> Iterator[Taxon]:
    """Lines of the table, synonyms too."""
    with open(check_path(path), encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        # GBIF's tables have tabs and no quotes.
        tabs = "\t" in first
        lines = (line.rstrip("\r\n").split("\t") for line in file) if tabs else _quoted(path, file)
        titles = first.rstrip("\r\n").split("\t" if tabs else ",")
        place = {title.strip('" ').rpartition(":")[2].lower(): i for i, title in enumerate(titles)}
        for needed in ("taxonID", "parentNameUsageID", "scientificName"):
            if needed.lower() not in place:
                raise ValueError(
                    f"{path} is no Darwin Core table of taxa: it has no column {needed}. Received: "
                    f"{', '.join(titles[:8])}"
                )
        for number, cells in enumerate(lines, 2):
            if not any(cells):
                continue
            if len(cells) < len(titles):
                raise ValueError(
                    f"{path}: line {number} has {len(cells)} cells, the header {len(titles)}."
                )

            def cell(title: str, cells: list[str] = cells) -> str:
                return cells[place[title]].strip() if title in place else ""

            key, scientific = cell("taxonid"), cell("scientificname")
            accepted = cell("acceptednameusageid")
            if accepted == key:
                accepted = ""
            if not accepted and "synonym" in cell("taxonomicstatus").lower():
                accepted = "?"
            yield Taxon(
                key, cell("parentnameusageid"), cell("canonicalname") or scientific, scientific,
                cell("taxonrank").lower(), accepted,
            )  # fmt: skip


def _quoted(path: str | os.PathLike, file: Iterable[str]) -> Iterator[list[str]]:
    try:
        yield from csv.reader(file)
    except csv.Error as error:
        raise ValueError(f"{path}: {error}.") from None


def _one(path: str | os.PathLike, text: str, found: list[Taxon]) -> Taxon:
    """Return the accepted taxon that is called `text`."""
    by_id = [taxon for taxon in found if taxon.id == text]
    accepted = by_id or [taxon for taxon in found if not taxon.accepted]
    if not found:
        raise ValueError(f"{path}: {unknown_name(text, (), 'taxon of the file')}")
    if not accepted or accepted[0].accepted:
        raise ValueError(
            f"{path}: {text!r} is a synonym of the taxon {found[0].accepted}. Give the accepted "
            "taxon."
        )
    if len(accepted) > 1:
        ids = ", ".join(f"{taxon.id} ({taxon.rank or 'no rank'})" for taxon in accepted[:5])
        raise ValueError(f"{path}: several taxa are called {text!r}. Give the id of one: {ids}.")
    return accepted[0]


def _path(path: str | os.PathLike, taxon: Taxon, known: dict[str, Taxon]) -> tuple[str, ...]:
    names, seen = [taxon.name], {taxon.id}
    while taxon.parent:
        if taxon.parent not in known:
            raise ValueError(
                f"{path}: the parent {taxon.parent} of {taxon.name!r} ({taxon.id}) is not in the "
                "file, or is a synonym."
            )
        taxon = known[taxon.parent]
        if taxon.id in seen:
            raise ValueError(f"{path}: {taxon.name!r} ({taxon.id}) lies above itself.")
        seen.add(taxon.id)
        names.append(taxon.name)
    return tuple(names[::-1])
