"""What kustomize or the parser refuses, said as a sentence: the file, the field, and how to write it."""

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from localcloud.cluster.sources import Field, Sources, documents, shown
from localcloud.validation import path_of

_KUSTOMIZATION_FIELDS = (
    *("apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "images", "labels", "replicas"),
    *("commonAnnotations", "commonLabels", "buildMetadata", "sortOptions", "generatorOptions", "openapi", "crds"),
    *("resources", "components", "patches", "patchesJson6902", "patchesStrategicMerge", "replacements", "vars"),
    *("configMapGenerator", "secretGenerator", "generators", "transformers", "validators", "configurations"),
    *("helmCharts", "helmGlobals"),
)
"""https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/"""

_YAML_HINTS = {
    "mapping values are not allowed": 'after a key comes a colon and a space, as in "name: value"',
    "could not find expected ':'": 'after a key comes a colon and a space, as in "name: value"',
    "cannot start any token": "indent with spaces, not with a tab",
    "expected <block end>": "what belongs together is indented alike",
    "while scanning a quoted scalar": "a quote is closed where it began",
}


def of_kustomize(said: str, sources: Sources) -> str:
    """Why kustomize refuses the overlay: its own words, unless they can be said more simply."""
    said = said.strip().removeprefix("error: ")
    for path in sources.files():
        if fault := _not_yaml(path):
            return fault
    for pattern, sentence in _KNOWN:
        if (found := re.search(pattern, said)) and (answer := sentence(found, sources)):
            return answer
    return said.rpartition("accumulating resources from ")[2] if "recursed accumulation" in said else said


def of_field(fault: Any, model: type[BaseModel]) -> str:
    """What is wrong with a field, by pydantic's own description of it, and how to write it."""
    field, given = path_of(fault["loc"]), fault["input"]
    match fault["type"]:
        case "string_type" if isinstance(given, (bool, int, float)):
            written = str(given).lower() if isinstance(given, bool) else str(given)
            kind = "a truth value" if isinstance(given, bool) else "a number"
            return f'{field}: {written} is {kind}, and must be text: write "{written}", with the quotes'
        case "extra_forbidden":
            beside = _model_at(model, fault["loc"])
            known = [each.alias or name for name, each in beside.model_fields.items()] if beside else []
            return f"{field}: a field that is not known here{_nearest(str(fault['loc'][-1]), known)}"
        case "missing":
            return f"{field} is missing"
        case "value_error":
            return f"{field}: {fault['ctx']['error']}"
    return f"{field}: {fault['msg']}, not {given!r:.80}"


def _model_at(model: type[BaseModel], location: Field) -> type[BaseModel] | None:
    """The type that holds the fields beside the last one of the path."""
    for step in location[:-1]:
        if isinstance(step, int):
            continue
        field = next((each for name, each in model.model_fields.items() if step in (name, each.alias)), None)
        below = _model_in(field.annotation) if field else None
        if below is None:
            return None
        model = below
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)


def _not_yaml(path: Path) -> str | None:
    if path.suffix not in (".yaml", ".yml", "") and path.name != "Kustomization":
        return None
    try:
        list(yaml.parse(path.read_text(), Loader=yaml.SafeLoader))
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        text = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or error}".strip()
        hint = next((hint for words, hint in _YAML_HINTS.items() if words in text), "")
        return f"{shown(path)}:{line} is no YAML: {text}" + (f". {hint[0].upper()}{hint[1:]}." if hint else "")
    return None


def _unknown_field(found: re.Match[str], sources: Sources) -> str | None:
    place = sources.place_of_text(f"{found[1]}:")
    if place is None:
        return None
    return f"{place}: kustomize knows no field {found[1]!r}{_nearest(found[1], _KUSTOMIZATION_FIELDS)}"


def _no_file(found: re.Match[str], sources: Sources) -> str | None:
    missing = Path(found[1])
    place = sources.place_of_text(missing.name)
    if place is None:
        return None
    beside = [each.name for each in missing.parent.iterdir()] if missing.parent.is_dir() else []
    return f"{place} names {missing.name}, and there is no such file{_nearest(missing.name, beside)}"


def _no_target(found: re.Match[str], sources: Sources) -> str | None:
    kind, name = found[1], found[2]
    place = sources.place(kind, name, ("metadata", "name")) or sources.place_of_text(name)
    if place is None:
        return None
    names = sorted({each for each in _names(kind, sources) if each != name})
    return f"{place} patches the {kind} {name}, and the overlay has none of that name{_nearest(name, names)}"


def _no_source(found: re.Match[str], sources: Sources) -> str | None:
    place = sources.place_of_text(found[1]) or sources.place_of_text(found[2])
    key = found[1].rpartition(".")[2]
    where = sources.place("ConfigMap", found[2], ("data",))
    if place is None:
        return None
    return f"{place} takes {found[1]} of {found[2]}, which {where or 'it'} does not have: write {key} there"


_KNOWN: tuple[tuple[str, Callable[[re.Match[str], Sources], str | None]], ...] = (
    (r'invalid Kustomization: json: unknown field "([^"]+)"', _unknown_field),
    (r"lstat (\S+): no such file or directory", _no_file),
    (r"no matches for Id (\w+)\.[^/]*/([^.;\s]+)", _no_target),
    (r"fieldPath `([^`]+)` is missing for replacement source \w+\.[^/]*/([^.\"]+)", _no_source),
)


def _names(kind: str, sources: Sources) -> Iterable[str]:
    for path in sources.files():
        for document in documents(path):
            loaded = yaml.SafeLoader("").construct_document(document)
            if isinstance(loaded, dict) and loaded.get("kind") == kind:
                yield str((loaded.get("metadata") or {}).get("name"))


def _nearest(written: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(written, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
