"""Many answers to many questions, always the same ones, for two programs that mark them."""

import random
import string

from featlib import quiz

TRAPS = [
    "", " ", "many", "1,234", "0,6", "1.234,5", "½", "2½", "3 x 10^2", "10⁻³", "83 %", "٥١٢", "①②",
    "²", "\x1f5\x85", "\ufeff5", "5\n", "\u2003-5", "1e400", "99^300", "5e-324", "1/0", "(4)",
    "[3, 4", "3x4", "9" * 80, "ẞ", "straße", "STRASSE", "ﬁlter", "ΑΣ", "İ", "e\u0301", "a" * 1200,
    "𝟓𝟏𝟐", "𐩀", "x̂", "\ud7ff", "cafe\u0301", "0.13", "0.12",
    "1.234", "1.234.567", "1.234 %", "5₂", "5\u200b12", "٠،٥", "torch.Size([3, 64, 64])", "3X64X64",
    "3, 064 x 64", "3²", "（３，６４，６４）", "cafe\u0301\u00ad",
]  # fmt: skip
TEXT = (
    f"{string.ascii_letters}{string.digits} .,'/%^*+-_()[]xe×·−⁄½²ßẞΣİéﬁ٣５①\t\u00a0\u202f\x1c\x85"
)
FEEDBACK = "<b>Yes</b>, $x^2$ & so on"


def _made(identity, kind, *answers, **more):
    default = () if "choice" in kind else ({"type": "default", "correct": False, "feedback": "no"},)
    return quiz.Question(identity, kind, "?", (*answers, *default), hint="Look.", **more)


def made():
    """Return a quiz with each rule of marking that the bundled quizzes may lack."""
    right = {"correct": True, "feedback": FEEDBACK}
    listed = {"correct": True, "feedback": "Right:\n\n- one\n- *two*"}
    fuzzy = {"answer": "Straße nach Köln", "fuzzy_threshold": 0.8} | listed
    choices = [{"answer": str(i), "correct": i % 2 == 0, "feedback": "_f_ " * i} for i in range(5)]
    questions = (
        _made("fuzzy", "string", fuzzy, format="markdown"),
        _made("case", "string", {"answer": "ΑΣ ﬁlter", "match_case": True} | right),
        _made("folded", "string", {"answer": "İΑΣ ßﬁ"} | right, {"answer": "caf\u00e9"} | right),
        _made("range", "numeric", {"range": [0.125, 2.5]} | right),
        _made("rounded", "numeric", {"value": 0.125} | right, precision=2),
        _made("last", "numeric", {"type": "default", "feedback": "n"}, {"value": 8} | right),
        _made("near", "numeric", {"value": 0.78} | right, tolerance=0.01),
        _made("percent", "numeric", {"value": 1.234} | right, {"value": 1234, "correct": False}),
        _made("share", "numeric", {"value": 83, "correct": False}, {"value": 0.83} | right),
        _made("shape", "shape", {"shape": [3, 64, 64]} | right),
        _made("thousands", "shape", {"shape": [3064, 64]} | right),
        _made("all", "many_choice", *choices, format="markdown"),
    )
    return quiz.Quiz("made", "Made", {}, questions)


def values(questions, chance):
    """Return a value for each that a quiz asks for."""
    return {
        name: ["layer4", "cat"] if question.type == "string" else round(chance.uniform(0, 99), 3)
        for question in questions
        for name in sorted(question.asks)
    }


def answers(question, own, count, chance):
    """Yield answers to a question: right ones, such as are nearly right, and traps."""
    n, offset = len(question.items or question.answers), chance.randrange(len(TRAPS))
    for i in range(count):
        if question.type == "multiple_choice":
            yield chance.randrange(n)
        elif question.type == "many_choice":
            yield chance.sample(range(n), chance.randint(0, n))
        elif question.type == "order":
            yield chance.sample(range(n), n) if i else list(range(n))
        elif i % 3 == 0:
            yield TRAPS[(i // 3 + offset) % len(TRAPS)]
        elif i % 3 == 1:
            yield "".join(chance.choices(TEXT, k=chance.randint(1, 9)))
        else:
            yield _near(chance.choice(question.answers), own, chance)


def _near(answer, own, chance):
    """Return an answer near one of those that a question knows, written in some way."""
    value = own[answer["ask"]] if "ask" in answer else answer.get("value", answer.get("answer"))
    if "shape" in answer:
        sizes = [size + chance.choice((0, 0, 0, 1)) for size in answer["shape"]]
        return chance.choice(("({})", "{}", "[{},]")).format(
            chance.choice(", x×*").join(map(str, sizes))
        )
    if "range" in answer:
        value = chance.choice(answer["range"])
    if isinstance(value, (list, str)):
        text = value if isinstance(value, str) else chance.choice(value)
        text = chance.choice((text, text.upper(), text.lower(), text.title()))
        at = chance.randrange(len(text) + 1)
        return (
            text[:at]
            + chance.choice(("", "", " ", "x", "\u0301"))
            + text[at + chance.choice((0, 0, 1)) :]
        )
    number = (value or 0) * chance.choice((1, 1, 1, -1, 10, 1.001)) + chance.choice(
        (0, 0, 0, 0.01, -0.01, 1)
    )
    ways = (
        "{:g}",
        "{:.3f}",
        "{:.1f}",
        "{:,.0f}",
        "{:e}",
        "{!r}",
        "{:.2f} %",
        "{:g}/1",
        "~{:.6f}",
        "{:.4g}*10^0",
    )
    return chance.choice(ways).format(number).replace("1,", chance.choice(("1,", "1 ", "1.")))


def cases(quizzes, total, seed=0):
    """Return (quiz, values, answers by question) for each quiz, with so many answers in all.

    The questions made for the rules get each trap.
    """
    chance, every = random.Random(seed), 3 * len(TRAPS)
    rules = made()
    left = total - every * len(rules.questions)
    each = -(-left // sum(len(found.questions) for found in quizzes))
    found = []
    for asked in (*quizzes, rules):
        own = values(asked.questions, chance)
        count = every if asked is rules else each
        found.append((asked, own, [[*answers(q, own, count, chance)] for q in asked.questions]))
    return found
