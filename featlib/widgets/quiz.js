// Shows what the model's `view` says and reports what the learner does. Marking is Python's task.
// All HTML in `view` was escaped or sanitized there; what the learner types is never put into HTML.

const TEXT = "input[type=text]";
const VERDICT = { right: "✓ Right.", wrong: "✗ Not right yet.", open: "" };

function choices(question, name) {
  const many = question.type === "many_choice";
  const chosen = question.answer === null ? [] : [].concat(question.answer);
  const list = element("div", { class: "fq-choices", style: `--columns: ${question.columns}` });
  question.choices.forEach((html, i) => {
    const input = element("input", {
      type: many ? "checkbox" : "radio",
      name,
      value: i,
      checked: chosen.includes(i),
      disabled: question.state === "right",
    });
    list.append(element("label", {}, input, element("span", { html })));
  });
  const read = () => {
    const numbers = [...list.querySelectorAll("input:checked")].map((input) => Number(input.value));
    return many ? numbers : numbers[0];
  };
  return { body: list, read };
}

function field(question, name) {
  const input = element("input", {
    type: "text",
    id: name,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 1000,
    dir: "auto",
    disabled: question.state === "right",
    placeholder: { shape: "such as (4, 3, 8, 8)", numeric: "a number" }[question.type],
  });
  input.value = question.answer ?? "";
  const label = element("label", { for: name, class: "fq-field" }, "Your answer");
  return { body: element("div", {}, label, input), read: () => input.value.trim() || undefined };
}

function ordering(question) {
  const items = new Map(question.items.map((item) => [item.number, item]));
  let order = question.answer ?? question.items.map((item) => item.number);
  const list = element("ol", { class: "fq-order" });
  const move = (place, by) => {
    const other = place + by;
    [order[place], order[other]] = [order[other], order[place]];
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
            disabled: off || question.state === "right",
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
  order = [...order];
  draw();
  return { body: list, read: () => order };
}

function card(question, number, total, prefix, check) {
  const name = `${prefix}-${question.id}`;
  const isChoice = question.type.endsWith("choice");
  const { body, read } = isChoice ? choices(question, name)
    : question.type === "order" ? ordering(question) : field(question, name);
  const note = question.type === "many_choice" ? "Choose all that apply." : "";
  const fieldset = element("fieldset", {},
    element("legend", {},
      element("span", { class: "fq-number" }, `Question ${number} of ${total}`),
      element("span", { class: "fq-text", html: question.text })),
    ...(note ? [element("p", { class: "fq-note" }, note)] : []),
    body);
  const form = element("form", {
    class: `fq-card fq-${question.state}`,
    "data-question": question.id,
    onsubmit: (event) => {
      event.preventDefault();
      check(question.id, read());
    },
  }, fieldset);
  if (question.state !== "right") {
    const words = question.state === "wrong" ? "Check again" : "Check";
    form.append(element("button", { type: "submit", class: "fq-check" }, words));
  }
  if (question.state !== "open") {
    const said = element("div", { class: "fq-feedback" },
      element("strong", {}, VERDICT[question.state]), " ",
      element("span", { html: question.feedback }));
    if (question.hint)
      said.append(element("div", { class: "fq-hint" }, element("strong", {}, "Hint "),
        element("span", { html: question.hint })));
    if (question.explanation)
      said.append(element("div", { class: "fq-explanation", html: question.explanation }));
    form.append(said);
  }
  return form;
}

function render({ model, el }) {
  const prefix = `fq${Math.random().toString(36).slice(2)}`; // labels find their inputs by it
  const first = model.get("view").questions.findIndex((question) => question.state !== "right");
  let place = Math.max(first, 0);
  let mode = model.get("view").mode;
  let asked = null; // the question whose answer is on its way
  let drawn = new Map(); // cards by question; one that did not change keeps what was typed into it

  const title = element("p", { class: "fq-title" });
  const score = element("p", { class: "fq-score" });
  const cards = element("div");
  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const controls = element("div", { class: "fq-controls" });
  const root = element("section", {
    class: "fq",
    // JupyterLab would take arrow keys and letters for commands to the notebook.
    "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, title, score), cards, status, controls);

  const check = (id, answer) => {
    if (answer === undefined || (Array.isArray(answer) && answer.length === 0)) {
      status.textContent = "Give an answer first.";
      return;
    }
    asked = id;
    model.send({ check: id, answer });
  };

  const control = (words, action, off = false, kind = undefined) =>
    element("button", { type: "button", class: kind, onclick: action, disabled: off }, words);

  const go = (to) => {
    place = to;
    status.textContent = "";
    draw();
    cards.querySelector("input:not(:disabled), button:not(:disabled)")?.focus();
  };

  const draw = () => {
    const { questions, title: words } = model.get("view");
    const right = questions.filter((question) => question.state === "right").length;
    const total = questions.length;
    const shown = mode === "all" ? questions.map((_, i) => i) : [place];
    root.setAttribute("aria-label", `Quiz: ${words}`);
    title.textContent = words;
    score.textContent = `${right} of ${total} right${right === total ? " ✓" : ""}`;
    cards.replaceChildren(...shown.map((i) => {
      const says = JSON.stringify(questions[i]);
      const before = drawn.get(i);
      if (before?.says === says) return before.node;
      const node = card(questions[i], i + 1, total, prefix, check);
      // What was typed while the answer was on its way stays.
      const typed = before?.node.querySelector(TEXT)?.value;
      const field = node.querySelector(`${TEXT}:not(:disabled)`);
      if (field && typed !== undefined) field.value = typed;
      drawn.set(i, { says, node });
      return node;
    }));
    const steps = mode === "all" ? [] : [
      control("← Previous", () => go(place - 1), place === 0),
      control("Next →", () => go(place + 1), place === total - 1, "fq-next"),
    ];
    controls.replaceChildren(
      ...steps,
      element("span", { class: "fq-space" }),
      control(mode === "all" ? "One at a time" : "Show all", () => {
        mode = mode === "all" ? "one" : "all";
        draw();
        controls.querySelector(".fq-mode").focus();
      }, false, "fq-mode"),
      control("Start over", () => {
        if (controls.querySelector(".fq-sure")) return;
        const sure = element("span", { class: "fq-sure" }, "Clear all answers? ",
          control("Yes, clear", () => {
            place = 0;
            drawn = new Map();
            model.send({ reset: true });
          }),
          control("No", () => draw()));
        controls.append(sure);
        sure.querySelector("button").focus();
      }),
    );
  };

  const redraw = () => {
    // The card is drawn anew: put the focus back where the learner was, if they are still there.
    const focused = document.activeElement;
    const here = focused === document.body ||
      cards.querySelector(`[data-question="${CSS.escape(asked ?? "")}"]`)?.contains(focused);
    draw();
    if (!asked || !here) return;
    const form = cards.querySelector(`[data-question="${CSS.escape(asked)}"]`);
    const next = form?.querySelector(".fq-check") ??
      controls.querySelector(".fq-next:not(:disabled)") ?? controls.querySelector(".fq-mode");
    next?.focus();
    asked = null;
  };
  const announce = (message) => {
    status.textContent = message.status ?? "";
  };
  model.on("change:view", redraw);
  model.on("msg:custom", announce);
  draw();
  el.append(root);
  return () => {
    model.off("change:view", redraw);
    model.off("msg:custom", announce);
  };
}

export default { render };
