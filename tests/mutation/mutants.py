"""Mutants of a module: its source with one operator, number, condition or statement changed."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


class Mutant(NamedTuple):
    """What is changed, in which line of the module, and the source of the whole."""

    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines. Types, messages and decorators are left as they are."""
    count = sum(1 for _ in _places(ast.parse(source)))
    for number in range(count):
        tree = ast.parse(source)
        node, change = [*_places(tree)][number]
        before = ast.unparse(node).split("\n")[0]
        line = _apply(tree, node, change)
        yield Mutant(line, f"{change}: {before:.70}", ast.unparse(ast.fix_missing_locations(tree)))


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that can be changed, and how."""
    for node in _code(tree):
        match node:
            case ast.Compare(ops=ops):
                yield from ((node, f"operator {i}") for i, op in enumerate(ops) if type(op) in SWAPS)
            case ast.BoolOp() | ast.BinOp() | ast.AugAssign():
                yield from [(node, "operator")] * (type(node.op) in SWAPS)
            case ast.Constant(value=bool() | int()):
                yield node, "constant"
            case ast.UnaryOp(op=ast.Not()):
                yield node, "not"
            case ast.IfExp():
                yield node, "branches"
            case ast.Return(value=ast.AST() as value) if not _is_none(value):
                yield node, "return"
            case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Continue() | ast.Break():
                yield node, "statement"


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, but those of types, of messages and of decorators."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr) and not _is_alias(node, child):
                yield child
                yield from _code(child)


def _is_alias(parent: ast.AST, node: ast.AST) -> bool:
    """Whether a node gives a union of types a name: A = B | C."""
    return (
        isinstance(parent, ast.Module)
        and isinstance(node, ast.Assign)
        and isinstance(node.value, ast.BinOp)
        and (isinstance(node.value.op, ast.BitOr))
    )


def _is_none(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _apply(tree: ast.AST, node: ast.AST, change: str) -> int:
    """Change a node of a tree; the line where that is."""
    line = getattr(node, "lineno", 0)
    match node:
        case ast.Compare():
            i = int(change.split()[1])
            node.ops[i] = SWAPS[type(node.ops[i])]()  # type: ignore[call-overload]
        case ast.BoolOp() | ast.BinOp() | ast.AugAssign():
            node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() as value):
            node.value = value + 1
        case ast.UnaryOp():
            node.op = ast.UAdd()  # replaced below: `not x` becomes `bool(x)`
            _replace(tree, node, ast.Call(ast.Name("bool", ast.Load()), [node.operand], []))
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body
        case ast.Return():
            node.value = ast.Constant(None)
        case _:
            _replace(tree, node, ast.Pass())
    return line


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(one is old for one in value):
                setattr(parent, name, [new if one is old else one for one in value])
