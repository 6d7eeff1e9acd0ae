// Classes with their pictures, then training, then a new picture to try. Each file goes to Python
// in a message of its own, because a server limits the size of one message.

const LARGEST = 8e6; // bytes; servers take 10 MB a message by default
const MOST = 10;
const ACCEPT = "image/png,image/jpeg,image/webp,image/gif,image/bmp";

function render({ model, el }) {
  const prefix = `own${Math.random().toString(36).slice(2)}`;
  const names = new Map();
  let waiting = [];

  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const list = element("div");
  const result = element("div");
  const say = (words) => { status.textContent = words; };
  const done = () => new Promise((resolve) => waiting.push(resolve));

  const send = async (message, file) => {
    if (file && file.size > LARGEST) {
      say(`${file.name} is larger than 8 MB. Make it smaller, or use a folder.`);
      return;
    }
    const answer = done();
    model.send(message, undefined, file ? [await file.arrayBuffer()] : []);
    await answer;
  };

  const upload = async (number, input) => {
    const files = [...input.files];
    for (const [i, file] of files.entries()) {
      say(`Uploading ${i + 1} of ${files.length}: ${file.name}`);
      await send({ upload: number, file: file.name }, file);
    }
    say("");
    input.value = "";
  };

  const addClass = () => {
    const number = names.size;
    const name = element("input", { type: "text", id: `${prefix}-${number}`, maxlength: 40,
      autocomplete: "off" });
    const files = element("input", { type: "file", id: `${prefix}-f${number}`, multiple: true,
      accept: ACCEPT, onchange: () => upload(number, files) });
    const count = element("span", { class: "fq-count" }, "no pictures yet");
    names.set(number, { name, count });
    list.append(element("div", { class: "fq-own" },
      element("label", { for: name.id }, `Class ${number + 1}`), name,
      element("label", { for: files.id, class: "fq-hidden" }, `Pictures of class ${number + 1}`), files,
      count));
    more.disabled = names.size >= MOST;
    return name;
  };

  const busy = async (words, message, file) => {
    say(words);
    for (const button of root.querySelectorAll("button")) button.disabled = true;
    await send(message, file);
    for (const button of root.querySelectorAll("button")) button.disabled = false;
    more.disabled = names.size >= MOST;
    say("");
  };

  const more = element("button", { type: "button", onclick: () => addClass().focus() }, "Add a class");
  const train = element("button", { type: "button", class: "fq-train", onclick: () => {
    const wanted = Object.fromEntries([...names].map(([n, { name }]) => [n, name.value]));
    busy("Training …", { train: wanted });
  } }, "Train");
  const folder = element("input", { type: "text", id: `${prefix}-folder`,
    placeholder: "such as /home/me/pictures" });
  const read = element("button", { type: "button", onclick: () =>
    busy("Reading the folder and training …", { folder: folder.value }) }, "Train on the folder");
  const root = element("section", {
    class: "fq", "aria-label": "Your own pictures", "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, "Your own pictures")),
  element("p", { class: "fq-note" }, "They stay on the machine that runs this notebook."),
  list,
  element("div", { class: "fq-controls" }, more, train),
  element("details", {}, element("summary", {}, "Or use a folder, with one folder a class in it"),
    element("div", { class: "fq-own" }, element("label", { for: folder.id }, "Folder"), folder, read)),
  status, result);

  const draw = () => {
    const { counts, words, trained, picture } = model.get("view");
    for (const [number, { count }] of names) {
      const n = counts[number] ?? 0;
      count.textContent = n === 0 ? "no pictures yet" : n === 1 ? "1 picture" : `${n} pictures`;
    }
    const shown = words ? [element("p", { class: "fq-feedback" }, words)] : [];
    if (trained) {
      const file = element("input", { type: "file", id: `${prefix}-try`, accept: ACCEPT,
        onchange: () => busy("Looking at it …", { try: file.files[0].name }, file.files[0]) });
      shown.push(element("div", { class: "fq-own" },
        element("label", { for: file.id }, "Try a new picture"), file));
    }
    if (picture) shown.push(element("img", { src: picture.src, alt: picture.alt, class: "fq-figure" }));
    result.replaceChildren(...shown);
  };
  const finished = () => waiting.splice(0).forEach((resolve) => resolve());
  model.on("change:view", draw);
  model.on("msg:custom", finished);
  addClass();
  addClass();
  draw();
  el.append(root);
  return () => {
    model.off("change:view", draw);
    model.off("msg:custom", finished);
  };
}

export default { render };
