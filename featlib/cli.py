"""The command line: ``featlib run``, ``predict``, ``lab``, ``extract``, ``cache``, and more.

Nothing here imports torch before a command needs it, so that ``--help`` is instant.
"""

import argparse
import dataclasses
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from featlib import __version__, checks
from featlib.checks import FeatlibError
from featlib.engine.words import printable, reason

if TYPE_CHECKING:
    from rich.console import Console

    from featlib.lesson import Lesson
    from featlib.model.classifier import Prediction
    from featlib.pages.class_report import ClassReport
    from featlib.quiz import Progress

__all__ = ["main"]

_Options = argparse.Namespace
_Command = Callable[[_Options], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        The words after ``featlib``; those of the command line if left out.

    Returns
    -------
    int
        0: done. 1: a fault in the data. 2: wrong use. 130: interrupted.
    """
    # A terminal that cannot show × or █ gets a ? instead of a traceback; so does what is typed.
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a test or a notebook may put something else there
            stream.reconfigure(errors="replace")
    options = _Options(debug=False)
    try:
        options = _parse(arguments)
        code = options.command(options) or 0
        print(end="", flush=True)  # now, while a reader that has left can still be noticed
        return code
    except FeatlibError as error:
        if options.debug:
            raise
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        print("featlib: interrupted; nothing that was finished is lost", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `featlib run | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a folder that cannot be written, a full disk
        if options.debug:
            raise
        place = f": '{printable(str(error.filename))}'" if error.filename else ""
        why = error.strerror or reason(error).rstrip(".")
        _complain(f"{why}{place}. Check the folder, your right to write there, and the free space.")
        return 1


def _parse(arguments: Sequence[str] | None) -> _Options:
    options, options_of_jupyter = _parser().parse_known_args(arguments)
    if options_of_jupyter and options.command is not _lab:
        options.parser.error(f"unrecognized arguments: {' '.join(options_of_jupyter)}")
    options.jupyter = options_of_jupyter
    options.own_process = arguments is None
    return options


def _complain(words: str) -> None:
    # Some messages name their command already: featlib lab: …
    words = words if words.startswith("featlib ") else f"featlib: {words}"
    print(printable(words, lines=True), file=sys.stderr)


def _say(line: str | Path) -> None:
    """Print a line; in a name of a file may be what a terminal would obey."""
    print(printable(str(line)))


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="featlib",
        description="Learn the feature extraction strategy in PyTorch: "
        "a frozen pretrained network and one linear layer.",
        epilog="Start with: featlib run",
    )
    parser.add_argument("--version", action="version", version=f"featlib {__version__}")
    parser.set_defaults(command=lambda options: parser.print_help(), debug=False, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    _add_predict(commands)
    _add_export(commands)
    _add_lab(commands)
    _add_progress(commands)
    _add_teaching(commands)
    _add_marks(commands)
    _add_site(commands)
    _add_extract(commands)
    _add_cache(commands)
    help = "say what is installed and what is wrong"
    _add(commands, "doctor", _doctor, help, "featlib doctor")
    return parser


def _text(text: str) -> str:
    """Check a text for argparse. It is empty where a script's variable was not set."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give a name or a path")
    return text


def _whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a type for argparse: a whole number within a range."""

    def whole_number(text: str) -> int:
        number = int(text)
        if number < low:
            raise argparse.ArgumentTypeError(f"{number} is less than {low}")
        if high is not None and number > high:
            raise argparse.ArgumentTypeError(f"{number} is more than {high}")
        return number

    whole_number.__name__ = "whole number"  # argparse says: invalid whole number value
    return whole_number


def _add(
    commands: "argparse._SubParsersAction[_Parser]",
    name: str,
    function: _Command,
    help: str,
    example: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.register("type", None, _text)  # for what has no type of its own
    command.set_defaults(command=function, parser=command)
    command.epilog = f"Example: {example}"
    return command


def _add_run(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "run the five stages and write a report"
    run = _add(commands, "run", _run, help, "featlib run --images my-pictures --epochs 10")
    run.add_argument(
        "--images",
        default="emoji10",
        metavar="DIR",
        help="a folder of your own pictures, one subfolder a class; or emoji10 (the default) "
        "or emoji3d (bundled), cifar10, fashion_mnist (downloaded)",
    )
    run.add_argument(
        "--validation",
        metavar="DIR",
        help="a folder with the same classes to validate on; --images is then all for training "
        "(a fifth of --images)",
    )
    run.add_argument(
        "--weights",
        default="bundled",
        metavar="NAME",
        help="bundled (default: trained on ImageNet), torchvision (downloaded), untrained, or a "
        ".safetensors or .pt file",
    )
    run.add_argument(
        "--size",
        type=_whole_number(32, 512),
        metavar="N",
        help="height and width of the images in pixels, 32 to 512 (64 for emoji10; 224 for your "
        "own pictures, 128 where most are thumbnails)",
    )
    run.add_argument(
        "--epochs", type=_whole_number(1), default=5, metavar="N", help="training epochs (5)"
    )
    run.add_argument(
        "--seed", type=_whole_number(0), default=0, metavar="N", help="seed of the training (0)"
    )
    run.add_argument("--json", action="store_true", help="print the facts as JSON, nothing else")
    run.add_argument(
        "--report", default="lesson-report", metavar="DIR", help="where the report goes"
    )
    run.add_argument(
        "--save", metavar="DIR", help="keep the trained model there, for featlib predict"
    )
    run.add_argument("--no-cache", action="store_true", help="compute the features anew")
    run.add_argument(
        "--no-baselines",
        action="store_true",
        help="leave out the comparison with raw pixels and an untrained network",
    )


def _add_predict(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "classify pictures with a model that was kept"
    predict = _add(commands, "predict", _predict, help, "featlib predict my_model holiday-photos")
    _add_model(predict)
    predict.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="a file, or a folder with its subfolders"
    )
    predict.add_argument(
        "--top", type=_whole_number(1), default=3, metavar="N", help="classes that are named (3)"
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print JSON lines: an object a picture, one a line"
    )
    form.add_argument("--csv", action="store_true", help="print CSV: a heading and a row a picture")
    predict.description = (
        f"{predict.description} Each is printed as soon as it is known; what cannot be read comes "
        "last, with its reason. The exit code is 1 if a picture that was named, or every picture, "
        "cannot be read."
    )


def _add_export(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "write a model that was kept as one file for other programs"
    export = _add(commands, "export", _export_model, help, "featlib export my_model --onnx my.onnx")
    _add_model(export)
    export.add_argument(
        "--onnx", metavar="FILE", help="an ONNX file; needs: pip install 'featlib[export]'"
    )
    export.add_argument("--torch", metavar="FILE", help="a program for torch.export.load (.pt2)")
    export.add_argument(
        "--html",
        metavar="FILE",
        help="a page that classifies pictures and the camera in any browser, offline; needs: "
        "pip install 'featlib[html]'",
    )
    export.add_argument(
        "--thumbnails",
        metavar="DIR",
        help="for --html: show the pictures of this folder, one subfolder a class, that are most "
        "alike; small copies are then in the page, for everyone to see (none)",
    )
    export.description = (
        f"{export.description} Into ONNX and torch go raw pictures, uint8 N×H×W×3 of any size; "
        "probabilities come out. The names of the classes are inside, too."
    )


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="the folder that featlib run --save wrote")
    command.add_argument(
        "--weights",
        metavar="NAME",
        help="those of the backbone, where the model was made with weights of your own",
    )


def _add_lab(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "open your copies of the notebooks in JupyterLab"
    lab = _add(commands, "lab", _lab, help, "featlib lab --folder my-course")
    lab.add_argument(
        "--folder",
        default=".",
        metavar="DIR",
        help="the folder that holds, or will hold, the folder featlib-notebooks (this folder)",
    )
    lab.add_argument(
        "--fresh", action="store_true", help="make new copies, in a folder beside the old ones"
    )
    lab.add_argument(
        "--variant",
        metavar="NAME",
        help="a split of your own, which follows from this name and is kept: your numbers are then "
        "others than your neighbor's; default: the lesson's again",
    )
    others = "All other options go to JupyterLab: featlib lab --no-browser --port 9000"
    lab.description = f"{lab.description} {others}"


def _add_progress(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "say what you have answered in the quizzes"
    progress = _add(commands, "progress", _progress, help, "featlib progress --export ada")
    what = progress.add_mutually_exclusive_group()
    what.add_argument(
        "--export",
        nargs="?",
        const="featlib-progress",
        metavar="NAME",
        help="write NAME.csv and NAME.json, for an instructor; it signs nothing and proves nothing "
        "(featlib-progress)",
    )
    what.add_argument(
        "--reset",
        nargs="?",
        const="everything",
        metavar="QUIZ",
        help="forget the answers of a quiz, or everything; asks first",
    )
    progress.add_argument("--yes", action="store_true", help="do not ask before a reset")


def _add_teaching(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "write the notebooks as slides, or one deck for a whole talk, that need no network"
    slides = _add(commands, "slides", _slides, help, "featlib slides --talk 12 --out talk")
    slides.add_argument(
        "names", nargs="*", metavar="NAME", help="such as 03, or a file .ipynb; all if left out"
    )
    slides.add_argument(
        "--talk",
        metavar="PLAN",
        help="one deck for 12, 45 or 90 minutes as the guide plans them, or for a plan of your own",
    )
    slides.add_argument(
        "--as-saved",
        action="store_true",
        help="with --talk: show what the notebooks show already, instead of executing them anew",
    )
    slides.add_argument("--out", default="lesson-slides", metavar="DIR", help="where they go")
    help = "turn exported results of a class into one page"
    report = _add(commands, "class-report", _class_report, help, "featlib class-report results")
    report.add_argument(
        "folder", metavar="DIR", help="with the files of `featlib progress --export NAME`"
    )
    report.add_argument(
        "--out", default="class-report.html", metavar="FILE", help="the page (class-report.html)"
    )
    report.add_argument(
        "--watch",
        action="store_true",
        help="write it anew each time that a file comes or changes, until Ctrl+C",
    )
    report.add_argument(
        "--variants",
        action="store_true",
        help="name answers that are right for somebody else's variant, and wrong for one's own",
    )


def _add_marks(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "write quizzes for Moodle or Canvas"
    example = "featlib quiz-export 05_validation --format gift --out validation.txt"
    quizzes = _add(commands, "quiz-export", _quiz_export, help, example)
    quizzes.add_argument(
        "quizzes", nargs="*", metavar="QUIZ", help="such as 05_validation, or a file; all if none"
    )
    quizzes.add_argument(
        "--format",
        required=True,
        choices=("gift", "qti"),
        help="gift: a text file for Moodle; qti: QTI 1.2, a zip archive for Canvas",
    )
    quizzes.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        help="a file for all of them, or a folder, for a file each",
    )
    quizzes.description = (
        f"{quizzes.description} Questions that the format cannot express are named and left out, "
        "such as those about the learner's own run."
    )
    help = "turn exported results of a class into marks, which prove nothing"
    example = "featlib gradebook results --format canvas --roster grades.csv"
    book = _add(commands, "gradebook", _gradebook, help, example)
    book.add_argument("folder", metavar="DIR", help="as for class-report")
    book.add_argument("--out", default="marks.csv", metavar="FILE", help="the table (marks.csv)")
    book.add_argument(
        "--format",
        default="plain",
        choices=("plain", "moodle", "canvas"),
        help="plain: name, score, out of, percent (default); moodle, canvas: for their import",
    )
    book.add_argument(
        "--roster",
        metavar="CSV",
        help="the students, as Moodle or Canvas exported them: files are called as their "
        "usernames, numbers, addresses or names",
    )
    book.add_argument(
        "--quiz",
        action="append",
        default=[],
        metavar="QUIZ",
        help="a quiz that counts, by name or file; may be given several times (all of the lesson)",
    )
    book.add_argument(
        "--first-try",
        action="store_true",
        help="count what was right at the first try (what is right in the end)",
    )
    book.add_argument(
        "--title",
        default="featlib quizzes",
        metavar="NAME",
        help="the grade item or the assignment (featlib quizzes)",
    )
    book.description = (
        f"{book.description} An export is not signed: anybody can edit it, and answers may be "
        "given as often as wanted."
    )


def _add_site(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "write the whole course as web pages that need no server and no network"
    site = _add(commands, "site", _site, help, "featlib site --out my-site --single lesson.html")
    site.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="the folder: new, empty, or such a site, which is replaced",
    )
    site.add_argument(
        "--single", metavar="FILE.html", help="also write notebooks 00 to 06 as one page, in a file"
    )
    site.description = (
        f"{site.description} Quizzes, guesses, flashcards, the lab and own pictures work in the "
        "browser. Open index.html by a double click, or give the folder to any host of files. It "
        "needs: pip install 'featlib[site]'."
    )


def _add_extract(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "turn any number of pictures into features, as Parquet files"
    example = "featlib extract my-pictures --out my-features --size 224"
    extract = _add(commands, "extract", _extract, help, example)
    extract.add_argument("source", metavar="DIR", help="pictures, searched with its subfolders")
    extract.add_argument("--out", required=True, metavar="DIR", help="where the files go")
    extract.add_argument(
        "--weights", default="bundled", metavar="NAME", help="as for featlib run (bundled)"
    )
    extract.add_argument(
        "--size",
        type=_whole_number(32, 512),
        metavar="N",
        help="height and width in pixels, 32 to 512 (224, or 128 where most are thumbnails)",
    )
    extract.add_argument(
        "--precision",
        default="fp32",
        choices=("fp32", "bf16", "int8"),
        help="fp32: exact (default); bf16: nearly exact, faster where the processor has it; int8: "
        "faster still at 224 pixels, close, with the bundled weights; needs: "
        "pip install 'featlib[int8]'",
    )
    extract.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where (auto)"
    )
    extract.add_argument(
        "--batch-size",
        type=_whole_number(1),
        default=64,
        metavar="N",
        help="images a forward pass (64)",
    )
    extract.add_argument(
        "--shard-size",
        type=_whole_number(1),
        default=4096,
        metavar="N",
        help="images a file (4096)",
    )
    extract.add_argument(
        "--overwrite", action="store_true", help="remove features of other images or settings"
    )
    extract.add_argument("--json", action="store_true", help="print the facts as JSON")
    extract.add_argument(
        "--engine",
        default="local",
        choices=("local", "ray"),
        help="local: this machine (default); ray: a Ray cluster, the running one or one of this "
        "machine",
    )
    extract.add_argument(
        "--workers", type=_whole_number(1), metavar="N", help="for ray: how many processes"
    )
    extract.add_argument("--address", metavar="URL", help="for ray: the cluster to join")
    extract.description = (
        f"{extract.description} If it is stopped, the same command continues where it was. It "
        "needs pyarrow, and for a cluster Ray: pip install 'featlib[scale]'."
    )


def _add_cache(commands: "argparse._SubParsersAction[_Parser]") -> None:
    help = "say where features and downloads are kept, and how large they are"
    cache = _add(commands, "cache", _cache, help, "featlib cache --clear")
    cache.add_argument("--clear", action="store_true", help="remove all of it; asks first")
    cache.add_argument("--yes", action="store_true", help="do not ask before it is removed")


@contextmanager
def _imports(options: _Options) -> Iterator[None]:
    """Import without the garbage collector, if the process is ours.

    It would look several times through hundreds of thousands of objects, all of which stay until
    the end of the process. For PyTorch that takes half a second.
    """
    if not options.own_process:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _run(options: _Options) -> None:
    checks.output_folder(options.report, "featlib run", "the report")
    with _imports(options):
        from featlib import images, lesson
        from featlib.model import folder
    if options.save is not None:
        folder.output_folder(options.save, "featlib run")
    own_split = {"validation": options.validation} if options.validation is not None else {}
    finished = lesson.run(
        options.images,
        weights=options.weights,
        size=options.size,
        baselines=not options.no_baselines,
        cache=not options.no_cache,
        epochs=options.epochs,
        seed=options.seed,
        **own_split,
    )
    if not options.json:
        others = os.path.join(options.report, "report.json")
        for line in _first_ten(finished.images.skipped, "skipped", others):
            _say(line)
        _show(finished)
        if options.size is None and options.images not in images.NAMES:
            side = finished.images.pixels.shape[-1]
            read = f"The pictures were read at {side}×{side} pixels"
            _console().print(f"{read}; --size N takes another size.")
    with _imports(options):  # only now, so that the tables need not wait for matplotlib
        from featlib.pages import lesson_report

    written = {"report": str(lesson_report.write(finished, options.report))}
    if options.save is not None:
        written["model"] = str(finished.save(options.save))
    if options.json:
        print(json.dumps(finished.to_dict() | written, indent=1))
        return
    print()
    _say(f"Report: {written['report']}  ({finished.seconds:.1f} s)")
    if options.save is not None:
        _say(f"Model: {written['model']}  (featlib predict {written['model']} PICTURE)")


def _show(lesson: "Lesson") -> None:
    from featlib import trace

    console = _console()
    console.print(trace.data_flow_table(lesson.data_flow))
    if lesson.features_from_cache:
        console.print("Features were read from the cache, not computed.\n")
    console.print(trace.training_table(lesson.training))
    console.print(f"Recipe: {lesson.training.recipe}.\n")
    # Four bars with their numbers stand side by side: as long as there is room for.
    bar = min(16, max(1, (console.width - 21) // 4 - 5))
    console.print(trace.training_chart(lesson.training, width=bar))
    prediction = lesson.predict(lesson.example())
    console.print(prediction.table())
    console.print(trace.probability_chart(prediction))
    low, high = lesson.report.interval
    console.print(
        f"Validation: {lesson.report.accuracy:.1%} of {len(lesson.report.labels)} unseen images "
        f"right (95% interval {low:.1%} to {high:.1%})."
    )
    for baseline in lesson.baselines:
        name = baseline.name.replace("_", " ")
        copies = baseline.size < lesson.images.pixels.shape[-1]
        of = f" of {baseline.size}×{baseline.size} copies" if copies else ""
        console.print(f"The same layer on {name}{of}: {baseline.accuracy:.1%}.")


def _first_ten(files: Sequence[tuple[str, str]], what: str, where: object) -> Iterator[str]:
    """Yield a line for each file and its reason; of many, ten, and where the others are named."""
    for name, why in files[:10]:
        yield f"{what} {name}: {why}"
    if len(files) > 10:
        yield f"… {len(files) - 10:,} more in {where}"


def _predict(options: _Options) -> int:
    with _imports(options):
        from featlib.engine.progress_bar import progress_bar
        from featlib.model.classifier import load
        from featlib.model.lines import write_lines
    classifier = load(options.model, weights=options.weights)
    named = [checks.path(picture, "featlib predict", "pictures") for picture in options.pictures]
    read, failed, alone = 0, False, set(named)
    # Where both go to one terminal, the lines themselves show how far it is.
    shown = sys.stderr.isatty() and not sys.stdout.isatty()

    def predictions() -> "Iterator[Prediction]":
        nonlocal read, failed
        with progress_bar("classifying", 0, "picture", shown) as done:
            for prediction in classifier.stream(named):
                read += not prediction.reason
                failed |= bool(prediction.reason) and prediction.file in alone
                done.update()
                yield prediction

    form = "json" if options.json else "csv" if options.csv else "text"
    for line in write_lines(predictions(), classifier.classes, form, options.top):
        print(line, flush=True)
    if not read:
        fix = "Check the paths."
        checks.refuse("featlib predict", "pictures that can be read", "none", fix)
    return int(failed)


def _export_model(options: _Options) -> None:
    wanted = {"onnx": options.onnx, "torch": options.torch, "html": options.html}
    if not any(wanted.values()):
        options.parser.error("name a file: --onnx FILE, --torch FILE, --html FILE")
    if options.thumbnails is not None and not options.html:
        options.parser.error("--thumbnails is for --html")
    for file in filter(None, wanted.values()):
        checks.output_file(file, "featlib export", "the model")
    with _imports(options):
        from featlib.model import exports
        from featlib.model.classifier import load
        from featlib.pages.model_page import export_html
    classifier = load(options.model, weights=options.weights)
    write = {
        "onnx": exports.export_onnx,
        "torch": exports.export_torch,
        "html": partial(export_html, thumbnails=options.thumbnails),
    }
    for form, file in wanted.items():
        if file:
            _say(write[form](classifier, file))


def _lab(options: _Options) -> int:
    import subprocess

    from featlib import variants, workspace

    variant = variants.current() if options.variant is None else variants.keep(options.variant)
    if variant:
        _say(f"Your variant: {variant}")
    ours = workspace.prepare(options.folder, fresh=options.fresh)
    _say(f"Your notebooks: {ours.folder}")
    if ours.kept:
        _say(f"Changed by you, so kept as they are: {', '.join(ours.kept)}")
        print("To get the new versions in a second folder: featlib lab --fresh")
    if address := workspace.in_hub(ours.start):
        _say(f"JupyterHub runs your server already. Open there: {address}")
        return 0
    # The start is given as an address, not as a path: so --no-browser prints the address of 00.
    settings = {
        ("--ip", "--ServerApp.ip"): "127.0.0.1",
        ("--notebook-dir", "--ServerApp.root_dir"): ours.folder.parent,
        ("--LabApp.default_url",): f"/lab/tree/{ours.folder.name}/{ours.start.name}",
    }
    # JupyterLab takes each once: what the user gives stands in place of ours.
    given = {option.partition("=")[0] for option in options.jupyter}
    own = [f"{names[0]}={value}" for names, value in settings.items() if given.isdisjoint(names)]
    command = [sys.executable, "-m", "jupyter", "lab", *own, *options.jupyter]
    return subprocess.run(command, check=False).returncode


def _progress(options: _Options) -> None:
    from featlib import quiz, variants

    if options.yes and not options.reset:
        options.parser.error("--yes is for --reset")
    progress = quiz.Progress()
    if options.export:
        _export(progress, options)
    elif options.reset:
        _reset(progress, options)
    else:
        if variant := variants.current():
            _say(f"Your variant: {variant}")
        _console().print(quiz.progress_table(progress))


def _export(progress: "Progress", options: _Options) -> None:
    for ending in (".csv", ".json"):
        _say(progress.export(f"{options.export}{ending}"))


def _reset(progress: "Progress", options: _Options) -> None:
    from featlib import quiz

    known = ["everything", "flashcards", "guesses", *quiz.names()]
    checks.one_of(options.reset, "featlib progress", "--reset", known)
    question = f"Forget all answers of {options.reset}? They cannot be brought back."
    if _agreed(question, options):
        progress.reset(None if options.reset == "everything" else options.reset)
        print(f"Forgotten: {options.reset}.")


def _agreed(question: str, options: _Options) -> bool:
    """Ask before something is lost."""
    if options.yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise FeatlibError("no terminal to ask at; --yes goes on without asking")
    try:
        answer = input(f"{printable(question)} [y/N] ")
    except EOFError:  # Ctrl+D
        answer = ""
        print()
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was changed.")
    return False


def _slides(options: _Options) -> int:
    from featlib.pages import slides

    checks.output_folder(options.out, "featlib slides", "the slides")
    if options.talk is not None:
        return _talk(options)
    faults = 0
    for path in slides.find_notebooks(options.names):
        try:
            _say(slides.export(path, options.out))
        except FeatlibError as error:  # the others are made all the same
            faults += 1
            _complain(str(error))
    return 1 if faults else 0


def _talk(options: _Options) -> int:
    from featlib.pages import talk

    if options.names:
        wanted, fix = "either --talk or names of notebooks", "A plan names its notebooks itself."
        checks.refuse("featlib slides", wanted, "both", fix)
    _say(talk.export(options.talk, options.out, as_saved=options.as_saved))
    return 0


def _class_report(options: _Options) -> None:
    from featlib.pages import class_report

    checks.output_file(options.out, "featlib class-report", "the page")
    if options.watch:
        watched = class_report.watch(options.folder, options.out, variants=options.variants)
        for report in watched:
            learners = len(report.learners)
            _say(f"{options.out}: {learners} learner{'' if learners == 1 else 's'}")
            sys.stdout.flush()
        return
    report = class_report.read(options.folder, variants=options.variants)
    _say_left_out(report)
    if report.variants is not None:
        names = {learner.number: learner.file for learner in report.learners}
        for what in ("copies", "shared"):
            for some in getattr(report.variants, what):
                same = "answers" if what == "copies" else "variant"
                _say(f"the same {same} in {', '.join(sorted(names[number] for number in some))}")
        _say(f"answers of another's variant: {len(report.variants.borrowed)}")
    _say(class_report.write(report, options.out))


def _say_left_out(report: "ClassReport") -> None:
    """Name the files of which nothing is counted, each with the reason."""
    for name, why in report.refused:
        _say(f"left out {name}: {why}")
    for name in report.earlier:
        _say(f"left out {name}: an earlier export of the same learner")
    for name in report.empty:
        _say(f"no answer in {name}")


def _quiz_export(options: _Options) -> None:
    from featlib.quiz import exports

    done = exports.export(options.quizzes, options.out, format=options.format)
    for name, question, why in done.left_out:
        _say(f"left out {name}, {question}: {why}")
    count = f"{done.questions} question{'' if done.questions == 1 else 's'}"
    _say(f"{done.files[0] if len(done.files) == 1 else options.out}: {count}")


def _gradebook(options: _Options) -> None:
    from featlib.pages import class_report, gradebook

    checks.output_file(options.out, "featlib gradebook", "the marks")
    roster = None if options.roster is None else gradebook.read_roster(options.roster)
    report = class_report.read(options.folder)
    found = gradebook.marks(report, options.quiz, roster=roster, first_try=options.first_try)
    _say_left_out(report)
    for learner, mark in zip(report.learners, found.marks, strict=True):
        if mark.student is None:
            _say(f"unmatched {learner.file}: {mark.why}")
    for name in found.missing:
        _say(f"no file of {name}")
    _say(gradebook.write(found, options.out, format=options.format, title=options.title))


def _site(options: _Options) -> None:
    with _imports(options):
        from featlib.site import build

    for file in build(options.out, options.single):
        _say(file)


def _extract(options: _Options) -> None:
    checks.output_folder(options.out, "featlib extract", "the features")
    with _imports(options):
        from featlib.scale import cluster, shards
        from featlib.weights import read_weights

    names = ("batch_size", "precision", "device", "shard_size", "overwrite")
    settings = {name: getattr(options, name) for name in names}
    extract = shards.extract
    if options.engine == "ray":
        extract = cluster.extract
        settings |= {"workers": options.workers, "address": options.address}
    elif options.workers is not None or options.address is not None:
        options.parser.error("--workers and --address are for --engine ray")
    done = extract(
        options.source, options.out, read_weights(options.weights, size=options.size), **settings
    )
    if options.json:
        facts = dataclasses.asdict(done) | {"folder": str(done.folder)}
        print(json.dumps(facts, indent=1))
        return
    for line in _first_ten(done.unreadable, "unreadable", done.folder / shards.UNREADABLE):
        _say(line)
    rate = f", {done.computed / done.seconds:.0f} a second" if done.computed else ""
    _say(f"{done.images:,} images in {done.shards} files: {done.folder}")
    print(f"{done.computed:,} computed now in {done.seconds:.1f} s{rate}")
    hint = "" if options.size else "; --size N takes another size"
    print(f"The pictures were read at {done.size}×{done.size} pixels{hint}.")


def _cache(options: _Options) -> None:
    from featlib.engine import cache, paths
    from featlib.tables import Table

    if options.yes and not options.clear:
        options.parser.error("--yes is for --clear")
    usage = cache.usage()
    files, size = (sum(counts) for counts in zip(*usage.values(), strict=True))
    what = f"{files:,} files ({size / 1e6:,.1f} MB) in {paths.cache_dir()}"
    if not options.clear:
        rows = tuple((kind, f"{n:,}", f"{room / 1e6:,.1f}") for kind, (n, room) in usage.items())
        _console().print(Table("The cache", ("what", ">files", ">megabytes"), rows))
        _say(f"In all: {what}")
    elif not files:
        _say(f"Nothing to remove: {what}")
    elif _agreed(f"Remove {what}?", options):
        print(f"Removed: {cache.clear() / 1e6:,.1f} of {size / 1e6:,.1f} MB.")


def _doctor(options: _Options) -> int:
    from featlib import doctor

    findings = doctor.examine()
    _console().print(doctor.table(findings))
    return int(any(finding.fix for finding in findings))


def _console() -> "Console":
    from rich.console import Console

    class OurConsole(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError  # which `main` knows; rich would end the process with code 1

    # Names of classes and files may hold [brackets] or :colons:, which rich would replace.
    console = OurConsole(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = 140  # a file or a pipe has no width of its own
    return console
