// A guess before the result. The controls are made once and stay: a reply changes what is around
// them, and writes into them only where the learner has changed nothing since the guess was sent.

const PLOT = { width: 360, height: 180, left: 44, right: 10, top: 10, bottom: 24 };

function vector(tag, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

// The nearest number that can be guessed.
function snapped({ low, high, step }, value) {
  const steps = Math.round((Math.min(high, Math.max(low, value)) - low) / step);
  return Math.min(high, Number((low + steps * step).toPrecision(12)));
}

// The two kinds of controls. Each tells `changed` of every change that the learner makes, and offers
// `read` (the guess; undefined as long as it is not complete), `put` and `lock`.

function options(view, name, changed) {
  const inputs = view.labels.map((label, i) => element("input", { type: "radio", name, value: i }));
  const body = element("div", { class: "fq-choices", onchange: changed },
    ...view.labels.map((label, i) =>
      element("label", {}, inputs[i], element("span", {}, label))));
  const read = () => view.labels[inputs.findIndex((input) => input.checked)];
  const put = (value) => inputs.forEach((input, i) => { input.checked = view.labels[i] === value; });
  const lock = (locked) => inputs.forEach((input) => { input.disabled = locked; });
  return { body, read, put, lock, missing: "Choose one first." };
}

function numbers(view, name, changed) {
  const { kind, low, high, step, decimals, labels, x } = view;
  const middle = (low + high) / 2;
  const values = labels.map(() => null); // null: not guessed yet
  const write = (value) => value.toLocaleString("en", {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  // On a curve, what lies between two guessed points follows them.
  const drawn = () => values.map((value, i) => {
    if (value !== null || kind !== "curve") return value;
    const before = values.findLastIndex((v, j) => j < i && v !== null);
    const after = values.findIndex((v, j) => j > i && v !== null);
    if (before < 0 || after < 0) return values[before < 0 ? after : before] ?? null;
    const share = (x[i] - x[before]) / (x[after] - x[before]);
    return snapped(view, values[before] + share * (values[after] - values[before]));
  });
  const outputs = labels.map(() => element("span", { class: "fq-value", "aria-hidden": "true" }));
  const inputs = labels.map((label, i) => element("input", {
    type: "range", id: `${name}-${i}`, min: low, max: high, step, value: middle,
    oninput: () => set(i, Number(inputs[i].value)),
    // A guess in the middle is chosen by a click or a key, without a move.
    onclick: () => set(i, Number(inputs[i].value)),
    onkeydown: ({ key }) => { if (key === " ") set(i, Number(inputs[i].value)); },
  }));
  const rows = labels.map((label, i) => element("div", { class: "fq-slider" },
    element("label", { for: `${name}-${i}` }, label || "Your guess"), inputs[i], outputs[i]));
  const plot = kind === "curve" ? curve(view, set) : null;
  const body = element("div", {}, ...(plot ? [plot.svg] : []),
    element("div", { class: `fq-bounds ${kind === "bars" ? "fq-drag" : ""}` }, ...rows));
  const show = () => {
    const all = drawn();
    all.forEach((value, i) => {
      inputs[i].value = value ?? middle;
      inputs[i].style.setProperty("--share", ((value ?? middle) - low) / (high - low));
      outputs[i].textContent = value === null ? "?" : write(value);
      inputs[i].setAttribute("aria-valuetext", value === null ? "not guessed yet" : write(value));
      rows[i].classList.toggle("fq-open", value === null);
    });
    plot?.show(all);
  };
  function set(i, value) {
    if (inputs[i].disabled) return;
    values[i] = value;
    show();
    changed();
  }
  const read = () => {
    const all = drawn();
    if (all.includes(null)) return undefined;
    return kind === "slider" ? all[0] : all;
  };
  const put = (value) => {
    const given = value === null ? [] : [].concat(value);
    values.forEach((_, i) => { values[i] = given[i] ?? null; });
    show();
  };
  const lock = (locked) => {
    inputs.forEach((input) => { input.disabled = locked; });
    plot?.lock(locked);
  };
  show();
  const missing = kind === "slider" ? "Move the slider first."
    : kind === "bars" ? "Move each bar first." : "Draw the curve first.";
  return { body, read, put, lock, missing };
}

// A curve to draw with mouse or finger; the sliders below it do the same by keyboard.
function curve(view, set) {
  const { low, high, x } = view;
  const { width, height, left, right, top, bottom } = PLOT;
  const across = (at) => left + ((at - x[0]) / (x.at(-1) - x[0])) * (width - left - right);
  const up = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const svg = vector("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "fq-draw", "aria-hidden": "true" });
  for (let i = 0; i <= 4; i++) {
    const value = low + ((high - low) * i) / 4;
    svg.append(
      vector("line", { x1: left, x2: width - right, y1: up(value), y2: up(value), class: "fq-grid" }),
      vector("text", { x: left - 6, y: up(value) + 4, "text-anchor": "end" },
        String(Number(value.toPrecision(3)))));
  }
  for (const at of x)
    svg.append(vector("text", { x: across(at), y: height - 6, "text-anchor": "middle" }, String(at)));
  const line = vector("polyline", { class: "fq-guessed" });
  const dots = x.map(() => vector("rect", { width: 9, height: 9, class: "fq-guessed" }));
  svg.append(line, ...dots);
  let locked = false, drawing = false;
  const draw = (event) => {
    if (!drawing || locked) return;
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    const value = low + (1 - (((event.clientY - box.top) / box.height) * height - top)
      / (height - top - bottom)) * (high - low);
    const near = x.map((place) => Math.abs(across(place) - at));
    set(near.indexOf(Math.min(...near)), snapped(view, value));
  };
  svg.addEventListener("pointerdown", (event) => {
    drawing = true;
    svg.setPointerCapture(event.pointerId);
    draw(event);
  });
  svg.addEventListener("pointermove", draw);
  for (const end of ["pointerup", "pointercancel"])
    svg.addEventListener(end, () => { drawing = false; });
  const show = (values) => {
    const found = values.flatMap((value, i) => (value === null ? [] : [[across(x[i]), up(value)]]));
    line.setAttribute("points", found.join(" "));
    dots.forEach((dot, i) => {
      const value = values[i];
      dot.setAttribute("visibility", value === null ? "hidden" : "visible");
      if (value === null) return;
      dot.setAttribute("transform",
        `translate(${across(x[i])} ${up(value)}) rotate(45) translate(-4.5 -4.5)`);
    });
  };
  return { svg, show, lock: (off) => { locked = off; } };
}

function render({ model, el }) {
  const prefix = `fg${Math.random().toString(36).slice(2)}`;
  const view = model.get("view");
  let changed = false; // by the learner, since a guess was sent or shown
  let sent = null; // the guess whose reply is on its way
  let shown; // the guess that the controls were given last
  let count = 0; // of guesses sent
  let { cleared } = view;
  const make = view.kind === "choice" ? options : numbers;
  const control = make(view, prefix, () => { changed = true; });
  const question = element("span", { class: "fq-text", html: view.prompt });
  const button = element("button", { type: "submit", class: "fq-check" });
  const again = element("button", { type: "button", onclick: () => {
    changed = false;
    sent = null;
    model.send({ forget: true });
  } }, "Forget it and guess again");
  const known = element("p", { class: "fq-back" });
  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const form = element("form", {
    class: "fq-card",
    onsubmit: (event) => {
      event.preventDefault();
      const guess = control.read();
      if (guess === undefined) {
        status.textContent = control.missing;
        return;
      }
      status.textContent = ""; // the same words again are heard again
      count += 1;
      sent = `${prefix}-${count}`;
      changed = false;
      model.send({ guess, sent });
    },
  },
  element("fieldset", {},
    element("legend", {}, question,
      ...(view.unit ? [element("span", { class: "fq-note" }, view.unit)] : [])),
    control.body),
  known, element("div", { class: "fq-controls" }, button, again));
  const root = element("section", {
    class: "fq fq-guess", "aria-label": `Guess before you measure: ${question.textContent}`,
    "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  },
  element("header", {}, element("p", { class: "fq-title" }, "Guess first"),
    element("p", { class: "fq-score" }, "Nothing waits for it, and nobody marks it.")),
  form, status);

  const refresh = () => {
    const now = model.get("view");
    const focused = root.getRootNode().activeElement;
    const here = root.contains(focused);
    if (now.sent === sent) sent = null; // the reply to the last guess, not to one before it
    const free = !changed && sent === null;
    const value = JSON.stringify(now.value);
    if (free && (now.cleared !== cleared || value !== shown)) {
      control.put(now.value);
      shown = value;
    }
    cleared = now.cleared;
    const done = now.known !== "";
    control.lock(done);
    known.hidden = !done;
    known.innerHTML = now.known;
    button.hidden = done;
    button.textContent = now.value === null ? "Keep my guess" : "Change my guess";
    again.hidden = now.value === null;
    // What was locked or hidden loses the focus: it goes to where the learner goes on.
    if (here && (focused.disabled || focused.hidden))
      (done ? again : form.querySelector("input")).focus();
  };
  const announce = (message) => {
    if (message.status) status.textContent = message.status;
    if (message.done === sent) sent = null; // refused: it stays as the learner has it
  };
  model.on("change:view", refresh);
  model.on("msg:custom", announce);
  refresh();
  el.append(root);
  return () => {
    model.off("change:view", refresh);
    model.off("msg:custom", announce);
  };
}

export default () => placed(render);
