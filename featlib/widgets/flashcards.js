// Shows what the model's `view` says: one card, first its front, then its back and four ratings.

function render({ model, el }) {
  let rated = false; // the rating is on its way: a second click is not meant for the next card
  const words = element("p", { class: "fq-score" });
  const body = element("div", { class: "fq-card" });
  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const root = element("section", {
    class: "fq",
    "aria-label": "Flashcards",
    "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, "Flashcards"), words), body, status);

  const rate = (card, rating) => {
    if (rated) return;
    rated = true;
    model.send({ card, rating });
  };

  const turn = () => {
    const { card, front, back, notebook, ratings } = model.get("view");
    const buttons = ratings.map(({ rating, words }) =>
      element("button", { type: "button", onclick: () => rate(card, rating) }, words));
    const answer = element("div", { class: "fq-back", tabindex: "-1" },
      element("div", { html: back }),
      ...(notebook ? [element("p", { class: "fq-note" }, `More in ${notebook}.`)] : []));
    body.replaceChildren(
      element("div", { class: "fq-text", html: front }), answer,
      element("p", { class: "fq-note" }, "How well did you know it? It comes back after:"),
      element("div", { class: "fq-controls", role: "group", "aria-label": "Rating" }, ...buttons));
    answer.focus();
  };

  const draw = (focus) => {
    const view = model.get("view");
    words.textContent = view.card ? view.words : "";
    status.textContent = view.card ? "" : view.words;
    if (!view.card) {
      body.replaceChildren();
      return;
    }
    const show = element("button", { type: "button", class: "fq-check", onclick: turn }, "Show answer");
    body.replaceChildren(element("div", { class: "fq-text", html: view.front }), show);
    if (focus) show.focus();
  };

  const redraw = () => {
    rated = false;
    // The learner may be elsewhere by now: the focus is moved only where it would be lost.
    draw(body.contains(root.getRootNode().activeElement));
  };
  const announce = (message) => {
    rated = false;
    if (message.status) status.textContent = message.status;
  };
  model.on("change:view", redraw);
  model.on("msg:custom", announce);
  draw(false);
  el.append(root);
  return () => {
    model.off("change:view", redraw);
    model.off("msg:custom", announce);
  };
}

export default () => placed(render);
