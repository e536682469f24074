"""Turn a template and its facts into a message, in a sandbox that bounds what a template can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mjml
from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATES = Path(__file__).parents[2] / "templates" / "messages"
FALLBACK = "en"
MAX_SOURCE = 50_000
MAX_OUTPUT = 200_000
MAX_LOOPS = 1

_FILTERS = {
    "e", "escape", "upper", "lower", "title", "capitalize", "default", "d", "trim", "truncate", "round",
    "length", "first", "last", "join", "urlencode",
}  # fmt: skip
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const,
    nodes.If, nodes.For, nodes.Filter, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.CondExpr, nodes.Keyword, nodes.Test, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod,
    nodes.Concat, nodes.Tuple, nodes.List,
)  # fmt: skip
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in one language: subject, plain text and HTML."""

    locale: str
    subject: str
    text: str
    html: str


class MessageEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 without globals, with few filters, and with arithmetic that cannot blow up."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def __init__(self, *, html: bool) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=html, trim_blocks=True, lstrip_blocks=True)
        self.filters = {name: f for name, f in self.filters.items() if name in _FILTERS}
        self.globals.clear()

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers of a sane size only: text times a million is not a message."""
        small = all(isinstance(x, int | float) and abs(x) < _LARGEST for x in (left, right))
        if operator == "**" or not small:
            raise SecurityError("this arithmetic is not allowed in a template")
        return super().call_binop(context, operator, left, right)


_TEXT, _HTML = MessageEnvironment(html=False), MessageEnvironment(html=True)


def render(name: str, locale: str, facts: Mapping[str, Any]) -> Rendered:
    """The message `name` in the customer's language, or in English where that is not shipped.

    Raises SecurityError or UndefinedError for a template that does what it may not.
    """
    chosen = language_of(name, locale)
    folder = TEMPLATES / name / chosen
    return Rendered(
        locale=chosen,
        subject=" ".join(fill(_source(folder / "subject.txt"), facts, html=False).split()),
        text=fill(_source(folder / "body.txt"), facts, html=False),
        html=fill(_compiled(folder / "body.mjml"), facts, html=True),
    )


def language_of(name: str, locale: str) -> str:
    """The shipped language nearest to a locale: pt_PT, then pt, then English."""
    wanted = locale.replace("-", "_")
    for candidate in (wanted, wanted.split("_")[0]):
        if candidate in languages(name):
            return candidate
    return FALLBACK


@cache
def languages(name: str) -> tuple[str, ...]:
    """The languages a message is shipped in."""
    return tuple(sorted(folder.name for folder in (TEMPLATES / name).iterdir() if folder.is_dir()))


def fill(source: str, facts: Mapping[str, Any], *, html: bool) -> str:
    """One part of a message; refuses what `lint` refuses, and output beyond 200,000 characters."""
    problems = lint(source, set(facts))
    if problems:
        raise SecurityError("; ".join(problems))
    environment = _HTML if html else _TEXT
    written, size = [], 0
    for piece in environment.from_string(source).generate(facts):
        size += len(piece)
        if size > MAX_OUTPUT:
            raise SecurityError("the message is too long")
        written.append(piece)
    return "".join(written)


def lint(source: str, fields: set[str]) -> list[str]:
    """What is wrong with a template, a sentence each: syntax, unknown fields, what is not allowed."""
    if len(source) > MAX_SOURCE:
        return ["the template is too long"]
    try:
        tree = _TEXT.parse(source)
    except TemplateSyntaxError as why:
        return [f"line {why.lineno}: {why.message}"]
    except RecursionError:
        return ["too many brackets"]
    problems = _forbidden(tree, 0)
    if problems:
        return problems
    unknown = sorted(meta.find_undeclared_variables(tree) - fields)
    return [f"unknown field {name}" for name in unknown]


def _forbidden(node: nodes.Node, depth: int) -> list[str]:
    problems = []
    if not isinstance(node, _NODES):
        problems.append(f"line {node.lineno}: {type(node).__name__} is not allowed")
    if isinstance(node, nodes.For):
        depth += 1
        if depth > MAX_LOOPS or node.recursive:
            problems.append(f"line {node.lineno}: loops cannot be nested")
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        problems.append(f"line {node.lineno}: the filter {node.name} is not allowed")
    for child in node.iter_child_nodes():
        problems += _forbidden(child, depth)
    return problems


@cache
def _source(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def _compiled(file: Path) -> str:
    """MJML made into HTML once; the template's own fields stay in it to be filled per customer."""
    return str(mjml.mjml2html(_source(file)))
