// Shows what the model's `view` says and reports what the learner does. Marking is Python's task.
// All HTML in `view` was escaped or sanitized there; what the learner types is never put into HTML.
//
// A reply comes late, and the learner may type, choose or sort on before it is there. So the
// controls of a question are made once and stay: a reply changes what is around them, and writes
// into them only where the learner has changed nothing since the answer was sent.

// A verdict stands at its question. The live region says it for those who hear the page.
const HEARD = ["", "Right.", "Not right.", "Not counted: please write it otherwise."];
const VERDICT = {
  right: "✓ Right.", wrong: "✗ Not right yet.", "asked back": "? Not counted.", open: "",
};

// The three kinds of controls. Each tells `changed` of every change that the learner makes, and
// offers `read` (the answer, undefined for none), `put` (show an answer) and `lock`.

function choices(question, name, changed) {
  const many = question.type === "many_choice";
  const inputs = question.choices.map((_, i) =>
    element("input", { type: many ? "checkbox" : "radio", name, value: i }));
  const body = element("div",
    { class: "fq-choices", style: `--columns: ${question.columns}`, onchange: changed },
    ...question.choices.map((html, i) =>
      element("label", {}, inputs[i], element("span", { html }))));
  const read = () => {
    const numbers = inputs.flatMap((input, i) => (input.checked ? [i] : []));
    return many ? numbers : numbers[0];
  };
  const put = (answer) => {
    const chosen = answer === null ? [] : [].concat(answer);
    inputs.forEach((input, i) => { input.checked = chosen.includes(i); });
  };
  const lock = (locked) => inputs.forEach((input) => { input.disabled = locked; });
  return { body, read, put, lock };
}

function field(question, name, changed) {
  const input = element("input", {
    type: "text",
    id: name,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 1000,
    dir: "auto",
    placeholder: question.example || false,
    oninput: changed,
    oncompositionstart: changed, // a letter of several keys, as in Japanese, is begun
  });
  const label = element("label", { for: name, class: "fq-field" }, "Your answer");
  const read = () => input.value.trim() || undefined;
  const put = (answer) => {
    // Writing the same text again would still move the caret.
    if ((read() ?? "") !== (answer ?? "")) input.value = answer ?? "";
  };
  const lock = (locked) => { input.disabled = locked; };
  return { body: element("div", {}, label, input), read, put, lock };
}

function ordering(question, name, changed) {
  const items = new Map(question.items.map((item) => [item.number, item]));
  const start = question.items.map((item) => item.number);
  let order = start, locked = false;
  const list = element("ol", { class: "fq-order" });
  const move = (place, by) => {
    const other = place + by;
    order = [...order];
    [order[place], order[other]] = [order[other], order[place]];
    changed();
    draw();
    // The focus goes along with the item; at either end to the button that still works.
    const buttons = list.children[other].querySelectorAll("button");
    const wanted = buttons[by < 0 ? 0 : 1];
    (wanted.disabled ? buttons[by < 0 ? 1 : 0] : wanted).focus();
  };
  const draw = () => {
    list.replaceChildren(
      ...order.map((number, place) => {
        const { html, words: text } = items.get(number);
        const button = (sign, words, by, off) =>
          element("button", {
            type: "button",
            "aria-label": `Move ${words}: ${text}`,
            disabled: off || locked,
            onclick: () => move(place, by),
          }, sign);
        return element("li", {},
          element("span", { class: "fq-move" },
            button("↑", "up", -1, place === 0),
            button("↓", "down", 1, place === order.length - 1)),
          element("span", { html }));
      }),
    );
  };
  const put = (answer) => {
    const wanted = answer ?? start;
    if (String(wanted) === String(order)) return;
    order = wanted;
    draw();
  };
  const lock = (off) => {
    if (off === locked) return;
    locked = off;
    draw();
  };
  draw();
  return { body: list, read: () => order, put, lock };
}

// `about` is the answer that was marked, where the control shows another one by now.
function verdict(question, about) {
  if (question.state === "open") return [];
  const short = about.length > 40 ? `${about.slice(0, 40)}…` : about;
  const said = element("div", { class: "fq-feedback" },
    ...(short ? [element("span", { class: "fq-note" }, `To “${short}”: `)] : []),
    element("strong", {}, VERDICT[question.state]), " ",
    element("span", { html: question.feedback }));
  if (question.hint)
    said.append(element("div", { class: "fq-hint" }, element("strong", {}, "Hint "),
      element("span", { html: question.hint })));
  if (question.explanation)
    said.append(element("div", { class: "fq-explanation", html: question.explanation }));
  return [said];
}

// A question. `check` sends an answer and returns the mark by which its reply is known.
function card(question, number, total, prefix, check) {
  let changed = false; // by the learner, since an answer was sent or shown
  let sent = null; // the answer whose reply is on its way
  let shown = null; // the answer that the control was given last
  let says = ""; // the verdict that is shown
  const make = question.type.endsWith("choice") ? choices
    : question.type === "order" ? ordering : field;
  const control = make(question, `${prefix}-${question.id}`, () => { changed = true; });
  const note = question.type === "many_choice" ? "Choose all that apply." : "";
  const button = element("button", { type: "submit", class: "fq-check" });
  const said = element("div");
  const node = element("form", {
    "data-question": question.id,
    onsubmit: (event) => {
      event.preventDefault();
      const mark = check(question.id, control.read());
      if (mark === null) return;
      sent = mark;
      changed = false;
    },
  },
  element("fieldset", {},
    element("legend", {},
      element("span", { class: "fq-number" }, `Question ${number} of ${total}`),
      element("span", { class: "fq-text", html: question.text })),
    ...(note ? [element("p", { class: "fq-note" }, note)] : []),
    control.body),
  button, said);

  const show = (now, cleared) => {
    if (now.sent === sent) sent = null; // the reply to the last answer, not to one before it
    const free = !changed && sent === null;
    const answer = JSON.stringify(now.answer);
    if (free && (cleared || answer !== shown)) {
      control.put(now.answer);
      shown = answer;
    }
    const locked = free && now.state === "right";
    control.lock(locked);
    node.className = `fq-card fq-${now.state.replace(" ", "-")}`;
    button.hidden = locked;
    button.textContent = now.state === "open" ? "Check" : "Check again";
    const about = !free && typeof now.answer === "string" ? now.answer : "";
    const words = JSON.stringify([now.state, now.feedback, now.hint, now.explanation, about]);
    if (words !== says) said.replaceChildren(...verdict(now, about));
    says = words;
  };
  // The learner clears all answers: what is in the control now may go, what comes later stays.
  const clear = () => {
    changed = false;
    sent = null;
  };
  // The reply to an answer that was refused brings no verdict.
  const answered = (mark) => { if (mark === sent) sent = null; };
  show(question, false);
  return { node, show, clear, answered };
}

function render({ model, el }) {
  const prefix = `fq${Math.random().toString(36).slice(2)}`; // labels find their inputs by it
  const { questions, title: words } = model.get("view");
  const total = questions.length;
  const drawn = new Map(); // cards by question, made when they are first shown
  let place = Math.max(questions.findIndex((question) => question.state !== "right"), 0);
  let { mode, cleared } = model.get("view");
  let count = 0; // of answers sent

  const check = (id, answer) => {
    if (answer === undefined) {
      say("Give an answer first.");
      return null;
    }
    say(""); // the same verdict again is heard again
    count += 1;
    const sent = `${prefix}-${count}`;
    model.send({ check: id, answer, sent });
    return sent;
  };
  const nodeOf = (i) => {
    if (!drawn.has(i))
      drawn.set(i, card(model.get("view").questions[i], i + 1, total, prefix, check));
    return drawn.get(i).node;
  };

  const control = (words, action, kind = undefined) =>
    element("button", { type: "button", class: kind, onclick: action }, words);
  const previous = control("← Previous", () => go(place - 1, previous));
  const next = control("Next →", () => go(place + 1, next), "fq-next");
  const more = control("Show all", () => {
    mode = mode === "all" ? "one" : "all";
    lay();
  }, "fq-mode");
  const again = control("Start over", () => {
    sure.hidden = false;
    yes.focus();
  });
  const yes = control("Yes, clear", () => {
    sure.hidden = true;
    for (const each of drawn.values()) each.clear();
    model.send({ reset: true });
    go(0, again);
  });
  const no = control("No", () => {
    sure.hidden = true;
    again.focus();
  });
  const sure = element("span", { class: "fq-sure", hidden: true }, "Clear all answers? ", yes, no);

  const score = element("p", { class: "fq-score" });
  const cards = element("div");
  const status = element("div", { role: "status", "aria-live": "polite" });
  const say = (words) => {
    status.textContent = words;
    status.className = HEARD.includes(words) ? "fq-hidden" : "fq-status";
  };
  say("");
  const root = element("section", {
    class: "fq",
    "aria-label": `Quiz: ${words}`,
    // JupyterLab would take arrow keys and letters for commands to the notebook.
    "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  },
  element("header", {}, element("p", { class: "fq-title" }, words), score),
  cards, status,
  element("div", { class: "fq-controls" },
    previous, next, element("span", { class: "fq-space" }), more, again, sure));

  const usable = (node) => node && !node.disabled && !node.hidden && node.isConnected;
  const go = (to, from) => {
    place = to;
    say("");
    lay();
    const first = cards.querySelector("input:not(:disabled), button:not(:disabled, [hidden])");
    [first, from, next, previous, more].find(usable).focus();
  };
  // Puts the cards into place. Only what the learner does leads here: a reply must not, because a
  // node that is put in again loses the focus and the letter that is being composed.
  const lay = () => {
    const all = mode === "all";
    cards.replaceChildren(...(all ? questions.map((_, i) => nodeOf(i)) : [nodeOf(place)]));
    previous.hidden = next.hidden = all;
    previous.disabled = place === 0;
    next.disabled = place === total - 1;
    more.textContent = all ? "One at a time" : "Show all";
  };
  const tally = () => {
    const right = model.get("view").questions.filter(({ state }) => state === "right").length;
    score.textContent = `${right} of ${total} right${right === total ? " ✓" : ""}`;
  };
  const refresh = () => {
    const now = model.get("view");
    const focused = root.getRootNode().activeElement;
    const here = cards.contains(focused);
    for (const [i, { show }] of drawn) show(now.questions[i], now.cleared !== cleared);
    cleared = now.cleared;
    tally();
    // What was locked loses the focus: it goes to where the learner goes on. Else it stays.
    if (here && !usable(focused)) [next, more].find(usable).focus();
  };
  const announce = (message) => {
    for (const each of drawn.values()) each.answered(message.done);
    if (message.status) say(message.status);
  };
  model.on("change:view", refresh);
  model.on("msg:custom", announce);
  lay();
  tally();
  el.append(root);
  return () => {
    model.off("change:view", refresh);
    model.off("msg:custom", announce);
  };
}

export default () => placed(render);
