"""What is public is listed, typed, and documented with shapes and dtypes."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from typing import NoReturn

import pytest

import featlib

PACKAGE = Path(featlib.__file__).parent
# Every module with a list of its own is public; `engine` is not, whatever it lists.
PUBLIC = sorted(
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if re.search(r"^__all__ = ", file.read_text(encoding="utf-8"), re.MULTILINE)
    and "engine" not in file.parts
)
ARRAYS = re.compile(r"Tensor|ndarray")
SHAPE_OR_DTYPE = re.compile(
    r"[A-Z0-9]×|\b(N|M|D|C|O)\b|\b(u?int|float|bool)\d*\b|\bshape\b|state dict|`"
)
STAGES = ("images", "preprocess", "backbone", "weights", "features", "head", "validation")
WITH_EXAMPLES = (*STAGES, "lesson", "trace", "explain")


def listed(name):
    """Return the public functions and classes that a module defines, by their full names."""
    module = importlib.import_module(name)
    found = {}
    for public in module.__all__:
        value = getattr(module, public)
        if getattr(value, "__module__", None) != name:
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            found[f"{name}.{public}"] = value
    return found


def methods(owner):
    """Yield the public methods that a class itself defines."""
    for name, value in vars(owner).items():
        value = getattr(value, "__func__", value)
        own = inspect.isfunction(value) and value.__module__ == owner.__module__
        if own and not name.startswith("_"):
            yield name, value


def functions():
    for name in PUBLIC:
        for full, value in listed(name).items():
            if inspect.isfunction(value):
                yield full, value
            else:
                yield from ((f"{full}.{method}", function) for method, function in methods(value))


FUNCTIONS = dict(functions())


def section(docstring, title):
    """Return the text of a section of a docstring in numpy style; empty where there is none."""
    found = re.search(
        rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", docstring or "", re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


def parameters(function):
    skipped = ("self", "cls", "args", "kwargs")
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in skipped and not name.startswith("_")
    }


def entry(text, name):
    """Return what a section says of one parameter: its type and its description."""
    head = rf"^(?:\w+, )*\*{{0,2}}{name}(?:, \*{{0,2}}\w+)*(?= :|$)"
    found = re.search(rf"{head}(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else None


def refuses(function):
    """Whether a function raises by itself, or calls one of the checks."""
    if hasattr(function, "__wrapped__"):  # a decorator decides what comes of what it raises
        return False
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(body):
        if isinstance(node, ast.Raise) and node.exc is not None:
            return "NotImplementedError" not in ast.unparse(node.exc)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("checks."):
            return ast.unparse(node.func) != "checks.all_finite"
    return False


def test_the_modules_that_a_reader_uses_are_public():
    assert {f"featlib.{name}" for name in WITH_EXAMPLES} < set(PUBLIC)
    assert len(FUNCTIONS) > 100


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_listed_is_there_and_what_is_not_begins_with_an_underscore(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert getattr(module, public, None) is not None, public
    own = {
        key
        for key, value in vars(module).items()
        if inspect.isfunction(value) or inspect.isclass(value)
        if value.__module__ == name and not key.startswith("_")
    }
    assert own <= set(module.__all__)


def untyped(function):
    signature = inspect.signature(function)
    for name, parameter in parameters(function).items():
        if parameter.annotation is parameter.empty:
            yield name
    if signature.return_annotation is signature.empty:
        yield "result"


def undocumented_parameters(function):
    text = section(inspect.getdoc(function), "Parameters")
    return (name for name in parameters(function) if not entry(text, name))


def undocumented_result(function):
    doc = inspect.getdoc(function)
    returns = inspect.signature(function).return_annotation not in (None, NoReturn)
    if returns and not section(doc, "Returns") and not section(doc, "Yields"):
        yield "result"


def undocumented_refusal(function):
    if refuses(function) and not section(inspect.getdoc(function), "Raises"):
        yield "refusal"


def arrays_without_shape_or_dtype(function):
    doc = inspect.getdoc(function)
    text = section(doc, "Parameters")
    said = {name: (p.annotation, entry(text, name)) for name, p in parameters(function).items()}
    result = section(doc, "Returns") + section(doc, "Yields")
    said["result"] = inspect.signature(function).return_annotation, result
    for name, (annotation, words) in said.items():
        if ARRAYS.search(str(annotation)) and not SHAPE_OR_DTYPE.search(words or ""):
            yield name


LOOKS_FOR = (
    untyped,
    undocumented_parameters,
    undocumented_result,
    undocumented_refusal,
    arrays_without_shape_or_dtype,
)


@pytest.mark.parametrize("faults", LOOKS_FOR, ids=lambda look: look.__name__)
def test_no_public_function_has(faults):
    found = {full: list(faults(function)) for full, function in FUNCTIONS.items()}
    assert {full: names for full, names in found.items() if names} == {}


@pytest.mark.parametrize("faults", LOOKS_FOR, ids=lambda look: look.__name__)
def test_a_function_is_found_that_has(faults):
    """The test of the tests: each fault is seen where it is."""

    def faulty(pixels, labels: "torch.Tensor") -> "torch.Tensor":  # noqa: F821
        """Do something.

        Parameters
        ----------
        labels : torch.Tensor
            Some.
        """
        raise ValueError

    assert list(faults(faulty))


def test_the_stages_have_examples():
    for name in WITH_EXAMPLES:
        for full, value in listed(f"featlib.{name}").items():
            if inspect.isfunction(value):
                assert ">>> " in (inspect.getdoc(value) or ""), full
    for value in (featlib.FeatureExtractor, featlib.scale.shards.extract):
        assert ">>> " in value.__doc__


def test_every_class_says_what_its_fields_are():
    for name in PUBLIC:
        for full, value in listed(name).items():
            fields = getattr(value, "__dataclass_fields__", {})
            text = section(inspect.getdoc(value), "Attributes")
            for field in fields:
                assert entry(text, field), f"{full}.{field}"
