// Classes with their pictures, then training, then a new picture to try. Each file goes to Python
// in a message of its own, because a server limits the size of one message.

const LARGEST = 8e6; // bytes; servers take 10 MB a message by default
const MOST = 10;
const ACCEPT = "image/png,image/jpeg,image/webp,image/gif,image/bmp";

function render({ model, el }) {
  const prefix = `own${Math.random().toString(36).slice(2)}`;
  const names = new Map();
  const replies = new Map(); // what waits for a reply, by the message that it answers
  let count = 0; // of messages
  let last = Promise.resolve(); // jobs run one after the other
  let jobs = 0; // that buttons wait for

  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const list = element("div");
  const said = element("div");
  const shown = element("div");
  const say = (words) => { status.textContent = words; };
  const tooLarge = (files) => files.map(({ name }) => `${name} is larger than 8 MB. `).join("") +
    (files.length ? "Make it smaller, or use a folder." : "");

  const queue = (job) => {
    last = last.then(job).catch((error) => say(`That did not work: ${error.message}`));
    return last;
  };
  const send = async (message, file) => {
    const content = file ? [await file.arrayBuffer()] : [];
    count += 1;
    const sent = `${prefix}-${count}`;
    const reply = new Promise((resolve) => replies.set(sent, resolve));
    model.send({ ...message, sent }, undefined, content);
    await reply;
  };

  const upload = (number, files) => queue(async () => {
    const small = files.filter((file) => file.size <= LARGEST);
    for (const [i, file] of small.entries()) {
      say(`Uploading ${i + 1} of ${small.length}: ${file.name}`);
      await send({ upload: number, file: file.name }, file);
    }
    say(tooLarge(files.filter((file) => file.size > LARGEST)));
  });

  // Take the chosen files and empty the input at once: once they are sent, it may hold others.
  const taken = (input) => {
    const files = [...input.files];
    input.value = "";
    return files;
  };

  const addClass = () => {
    const number = names.size;
    const name = element("input", { type: "text", id: `${prefix}-${number}`, maxlength: 40,
      autocomplete: "off" });
    const files = element("input", { type: "file", id: `${prefix}-f${number}`, multiple: true,
      accept: ACCEPT, onchange: () => upload(number, taken(files)) });
    const count = element("span", { class: "fq-count" }, "no pictures yet");
    names.set(number, { name, count });
    list.append(element("div", { class: "fq-own" },
      element("label", { for: name.id }, `Class ${number + 1}`), name,
      element("label", { for: files.id, class: "fq-hidden" }, `Pictures of class ${number + 1}`), files,
      count));
    more.disabled = names.size >= MOST;
    return name;
  };

  const lock = (by) => {
    jobs += by;
    for (const button of [train, read]) button.disabled = jobs > 0;
    more.disabled = jobs > 0 || names.size >= MOST;
  };
  const busy = (words, message, file) => {
    const focused = root.getRootNode().activeElement;
    lock(1);
    queue(async () => {
      say(words);
      await send(message, file);
      say("");
    }).then(() => {
      lock(-1);
      // A locked button loses the focus; the learner may have put it elsewhere since.
      const now = root.getRootNode().activeElement;
      if (root.contains(focused) && (!now || now === document.body)) focused.focus();
    });
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
  const tried = element("input", { type: "file", id: `${prefix}-try`, accept: ACCEPT,
    onchange: () => {
      const [file] = taken(tried);
      if (file && file.size > LARGEST) say(tooLarge([file]));
      else if (file) busy("Looking at it …", { try: file.name }, file);
    } });
  const attempt = element("div", { class: "fq-own", hidden: true },
    element("label", { for: tried.id }, "Try a new picture"), tried);
  const root = element("section", {
    class: "fq", "aria-label": "Your own pictures", "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, "Your own pictures")),
  element("p", { class: "fq-note" }, "They stay on the machine that runs this notebook."),
  list,
  element("div", { class: "fq-controls" }, more, train),
  element("details", {}, element("summary", {}, "Or use a folder, with one folder a class in it"),
    element("div", { class: "fq-own" }, element("label", { for: folder.id }, "Folder"), folder, read)),
  status, said, attempt, shown);

  // Every control was made above and stays: a reply changes only what is said and shown.
  const draw = () => {
    const { counts, words, trained, picture } = model.get("view");
    for (const [number, { count }] of names) {
      const n = counts[number] ?? 0;
      count.textContent = n === 0 ? "no pictures yet" : n === 1 ? "1 picture" : `${n} pictures`;
    }
    attempt.hidden = !trained;
    said.replaceChildren(...(words ? [element("p", { class: "fq-feedback" }, words)] : []));
    shown.replaceChildren(...(picture
      ? [element("img", { src: picture.src, alt: picture.alt, class: "fq-figure" })] : []));
  };
  const finished = ({ done }) => {
    replies.get(done)?.();
    replies.delete(done);
  };
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
