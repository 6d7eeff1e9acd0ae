// What featlib/widgets/quiz.py does with what a learner answers. All HTML was made in Python.

const STATUS = {
  open: "Give an answer first.",
  right: "Right.",
  wrong: "Not right.",
  "asked back": "Not counted: please write it otherwise.",
};

const NO_CURVE = "Not counted: this run has no curve to read. Move a slider first.";

const escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// The HTML of a feedback: of one text, or of several, a paragraph each.
function feedbackHtml(html, said) {
  const parts = said.map((text) => html[text] ?? escaped(text));
  if (parts.length < 2) return parts.join("");
  return parts.map((part) => (part.includes("<p>") ? part : `<p>${part}</p>`)).join("\n") + "\n";
}

// What an answer gets; `asked` is what Python made of its question (content.py).
function answered({ question, values, html }, answer) {
  const found = mark(question, answer, values);
  const state = found.asked_back ? "asked back" : found.correct ? "right" : "wrong";
  return { ...found, state, html: feedbackHtml(html, found.said) };
}

// Whether nothing was answered. Where no choice is right, to choose none is an answer.
const isBlank = ({ answers = [] }, answer) =>
  (typeof answer === "string" ? !single(visible(answer))
    : Array.isArray(answer) && !answer.length && answers.some(({ correct }) => correct));

// Questions on the run of the lab follow it: an answer holds for the run that it was read of, so the
// next run opens them again, and so does the next visit, which begins with another run.
function quizModel({ name, view, questions, follows = false }) {
  const following = questions.filter(({ values }) => follows && Object.keys(values).length);
  const hinted = new Set(); // questions whose hint was shown
  const byId = new Map(questions.map((each) => [each.question.id, each]));
  const blank = new Map(view.questions.map((shown) => [shown.id, shown]));

  const showOf = (id, answer, sent) => {
    const asked = byId.get(id);
    const { correct, state, html } = answered(asked, answer);
    if (asked.hint && state === "wrong") hinted.add(id);
    return {
      ...blank.get(id),
      answer, state, sent,
      feedback: html,
      hint: hinted.has(id) && !correct ? asked.hint : "",
      explanation: correct ? asked.explanation : "",
    };
  };
  const restored = () => questions.map((asked) => {
    const { key, question: { id } } = asked;
    if (following.includes(asked)) return blank.get(id);
    const last = kept(`answers:${key}`).entries.at(-1);
    if (!last) return blank.get(id);
    try {
      return showOf(id, last.answer, null);
    } catch { // it does not fit the question: ask again
      return blank.get(id);
    }
  });
  const check = (id, answer, sent, show, shown) => {
    const { key, question, values } = byId.get(id);
    if (isBlank(question, answer)) return STATUS.open;
    if (!values) return NO_CURVE;
    const hint = hinted.has(id);
    const now = showOf(id, answer, sent);
    const correct = now.state === "right";
    if (now.state !== "asked back")
      add(`answers:${key}`, { quiz: name, question: id, answer, correct, hint, key }, question);
    show({ questions: shown.questions.map((other) => (other.id === id ? now : other)) });
    return STATUS[now.state];
  };
  const reset = (show, { cleared }) => {
    for (const { key } of questions) forget(`answers:${key}`);
    hinted.clear();
    show({ questions: restored(), cleared: cleared + 1 });
    return "All answers are cleared.";
  };
  const model = pageModel({ ...view, questions: restored() }, (message, show, shown) =>
    (message.reset ? reset(show, shown)
      : check(message.check, message.answer, message.sent, show, shown)));
  if (following.length)
    labFollowers.push((values) => {
      for (const asked of following) {
        asked.values = values;
        hinted.delete(asked.question.id);
      }
      const shown = model.get("view");
      model.set("view", { ...shown, questions: restored(), cleared: shown.cleared + 1 });
    });
  return model;
}
