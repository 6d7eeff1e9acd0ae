// Five controls and two charts. A change is sent at once; while the answer is on its way, only the
// last of further changes waits, so that a slider can be dragged as fast as the hand moves.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360, HEIGHT = 220, LEFT = 50, BOTTOM = 34, TOP = 12, RIGHT = 10;

function draw(tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

// A loss grows without bounds when the training diverges, and may be no number at the end.
function inWords(value) {
  if (value === null) return "no number";
  return value < 1000 ? value.toFixed(3) : value.toExponential(0);
}

function chart(title, ylabel, top, epochs, lines) {
  const x = (i) => LEFT + (epochs > 1 ? (i / (epochs - 1)) * (WIDTH - LEFT - RIGHT) : 0);
  const y = (value) => TOP + (1 - Math.min(value, top) / top) * (HEIGHT - TOP - BOTTOM);
  const said = lines.filter(({ values }) => values.length).map(({ name, values }) =>
    `${name} ${values.map(inWords).join(", ")}`).join("; ");
  const svg = draw("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} by epoch: ${said}`,
  });
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    svg.append(
      draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "fq-grid" }),
      draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  }
  for (let i = 0; i < epochs; i += Math.ceil(epochs / 10))
    svg.append(draw("text", { x: x(i), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, i + 1));
  svg.append(
    draw("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"),
    draw("text", { transform: `translate(10 ${HEIGHT / 2 - 10}) rotate(-90)`,
      "text-anchor": "middle" }, ylabel));
  for (const { values, kind } of lines) {
    const dots = values.flatMap((value, i) => (value === null ? [] : [[x(i), y(value)]]));
    if (!dots.length) continue;
    svg.append(draw("polyline", { points: dots.join(" "), class: kind }),
      ...dots.map(([cx, cy]) => draw("circle", { cx, cy, r: 3, class: kind })));
  }
  return element("figure", {}, element("figcaption", {}, title), svg);
}

function render({ model, el }) {
  const prefix = `lab${Math.random().toString(36).slice(2)}`;
  let sent = null; // the change whose reply is on its way
  let waiting = false; // whether something was changed since
  let count = 0; // of changes sent
  let { settings } = model.get("view"); // as the controls stand, whatever became of them
  const change = (changes) => {
    settings = { ...settings, ...changes };
    waiting = true;
    if (sent === null) send();
  };
  const send = () => {
    waiting = false;
    count += 1;
    sent = `${prefix}-${count}`;
    model.send({ settings, sent });
  };

  const outputs = {};
  const slider = (name, words, { min, max, step, to = Number, from = Number, show = String }) => {
    const id = `${prefix}-${name}`;
    // For the eye alone: a screen reader hears aria-valuetext.
    const output = element("span", { class: "fq-value", "aria-hidden": "true" });
    const input = element("input", {
      type: "range", id, min, max, step, value: from(settings[name]),
      oninput: () => {
        output.textContent = show(to(Number(input.value)));
        input.setAttribute("aria-valuetext", output.textContent);
        change({ [name]: to(Number(input.value)) });
      },
    });
    outputs[name] = (value) => {
      input.value = from(value);
      output.textContent = show(value);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    return element("div", { class: "fq-slider" }, element("label", { for: id }, words), input, output);
  };
  const short = (value) => String(Number(value.toPrecision(2)));
  const view = model.get("view");
  const which = element("select", {
    id: `${prefix}-features`, onchange: () => change({ features: which.value }),
  }, ...view.inputs.map((name) => element("option", { value: name }, name)));
  const controls = element("div", { class: "fq-sliders" },
    element("div", { class: "fq-slider" },
      element("label", { for: which.id }, "trained on"), which),
    slider("learning_rate", "learning rate",
      { min: -5, max: 0, step: 0.1, to: (v) => 10 ** v, show: short,
        from: (v) => Math.log10(Math.max(v, 1e-5)) }),
    slider("epochs", "epochs", { min: 1, max: 10, step: 1 }),
    slider("per_class", "images per class", { min: 1, max: view.most, step: 1 }),
    slider("weight_decay", "weight decay", {
      min: -3, max: 2, step: 0.1, show: short,
      to: (v) => (v <= -3 ? 0 : 10 ** v), from: (v) => (v > 0 ? Math.log10(v) : -3),
    }));
  const charts = element("div", { class: "fq-charts" });
  const legend = element("p", { class: "fq-legend" },
    element("span", { class: "fq-this" }, "this run, training"), " ",
    element("span", { class: "fq-unseen" }, "this run, validation"), " ",
    element("span", { class: "fq-before" }, "run before"), " ",
    element("span", { class: "fq-textbook" }, "textbook: of the page that this lesson grew out of"));
  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const again = element("button", { type: "button", onclick: () => {
    put(view.start);
    change(view.start);
  } }, "Back to the start");
  const root = element("section", {
    class: "fq fq-lab", "aria-label": "Live lab", "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, "What if?"), again),
  controls, charts, legend, status);

  const put = (now) => {
    settings = now;
    which.value = now.features;
    for (const [name, show] of Object.entries(outputs)) show(now[name]);
  };
  // A reply never moves a slider that was moved since: first what is waiting is sent.
  const next = (answered) => {
    if (sent !== null && answered !== sent) return false; // to another view of the same lab
    sent = null;
    if (waiting) send();
    return sent === null;
  };
  const redraw = () => {
    const { run, before, textbook, words, settings: trained, sent: answered } = model.get("view");
    const epochs = Math.max(run.loss.length, 5);
    const highest = Math.min(10, Math.max(2.4, ...run.loss));
    charts.replaceChildren(
      chart("Loss", "training loss", highest, epochs, [
        { name: "textbook", values: textbook.loss, kind: "fq-textbook" },
        { name: "run before", values: before?.loss ?? [], kind: "fq-before" },
        { name: "this run", values: run.loss, kind: "fq-this" }]),
      chart("Accuracy", "share right", 1, epochs, [
        { name: "textbook", values: textbook.accuracy, kind: "fq-textbook" },
        { name: "run before, validation", values: before?.val_accuracy ?? [], kind: "fq-before" },
        { name: "this run, training", values: run.accuracy, kind: "fq-this" },
        { name: "this run, validation", values: run.val_accuracy, kind: "fq-unseen" }]));
    status.textContent = words;
    if (next(answered)) put(trained);
  };
  const announce = (message) => {
    if (message.status) status.textContent = message.status;
    next(message.done);
  };
  model.on("change:view", redraw);
  model.on("msg:custom", announce);
  redraw();
  el.append(root);
  return () => {
    model.off("change:view", redraw);
    model.off("msg:custom", announce);
  };
}

export default () => placed(render);
