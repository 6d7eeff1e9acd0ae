// Classes with their pictures, then training, then new pictures to try. What is shown is the kernel's
// `view`: a page that is loaded anew shows the same. Each file goes in a message of its own, in
// pieces where it is large, because servers limit the size of one message.

const PIECE = 4e6; // bytes
const TOGETHER = 1e6; // bytes of small files that go in one message
const SOON = 300; // milliseconds that a file waits for others at most
const FRAME = 100; // milliseconds between two looks of the camera, at least
const TRY = -1; // stands for the number of a class

function render({ model, el }) {
  const prefix = `own${Math.random().toString(36).slice(2)}`;
  const cards = new Map(); // by the number of their class
  const thumbnails = new Map(); // by the number of their picture
  const wanted = new Set(); // thumbnails that were asked for
  const replies = new Map(); // what waits for a reply, by the message that it answers
  const camera = makeCamera();
  let count = 0; // of messages
  let shots = 0; // of the camera
  let last = Promise.resolve(); // jobs run one after the other
  let jobs = 0; // that buttons wait for
  let place = "train"; // which slot shows the kernel's words
  let target = null; // the class that a paste goes to

  const status = element("div", { role: "status", class: "fq-status", "aria-live": "polite" });
  const say = (words) => { if (status.textContent !== words) status.textContent = words; };
  const mark = () => `${prefix}-${count += 1}`;
  const send = async (message, file, sent = mark()) => {
    const content = file ? [await file.arrayBuffer()] : [];
    const reply = new Promise((resolve) => replies.set(sent, resolve));
    model.send({ ...message, sent }, undefined, content);
    return reply;
  };
  const deliver = async (message, blob, file, number) => {
    const sent = mark();
    let start = 0;
    for (; blob.size - start > PIECE; start += PIECE) {
      const piece = { piece: sent, number, file };
      if ((await send(piece, blob.slice(start, start + PIECE))).refused) return;
    }
    await send(message, blob.slice(start), sent);
  };
  const queue = (job) => {
    last = last.then(job).catch((error) => say(`That did not work: ${error.message}`));
    return last;
  };
  const classes = () => model.get("view").classes;
  const pictureCount = () => classes().reduce((sum, { pictures }) => sum + pictures.length, 0);

  // What was said of files goes with the next ones.
  const forget = (number) =>
    classes().find((one) => one.number === number)?.refused.length && send({ dismiss: number });

  const upload = (number, files) => queue(async () => {
    const before = pictureCount();
    const unread = []; // a file that was moved since, for example
    await forget(number);
    let batch = [], size = 0, began = performance.now();
    const flush = async () => {
      const names = batch.map(({ name, blob }) => [name, blob.size]);
      if (names.length) await send({ batch: number, files: names }, new Blob(batch.map(({ blob }) => blob)));
      batch = [];
      size = 0;
      began = performance.now();
    };
    for (const [i, file] of files.entries()) {
      say(`Reading ${i + 1} of ${files.length}: ${file.name}`);
      try {
        const blob = await shrunk(file);
        if (size + blob.size > TOGETHER) await flush();
        if (blob.size > TOGETHER) {
          await deliver({ upload: number, file: file.name }, blob, file.name, number);
          continue;
        }
        await blob.slice(0, 1).arrayBuffer(); // refused where the file is not there any more
        batch.push({ name: file.name, blob });
        size += blob.size;
        if (performance.now() - began > SOON) await flush();
      } catch (error) {
        unread.push(`${file.name}: ${error.message}`);
      }
    }
    await flush();
    const added = pictureCount() - before;
    say([`${added} of ${files.length} added.`, ...unread].join(" "));
  });
  // Find a class of that name, or one that nobody used yet, or make one.
  const classFor = async (name) => {
    const short = name.slice(0, 40).trim();
    const known = classes().find((one) => one.name === short);
    if (known) return known.number;
    const unused = classes().find((one) =>
      !one.pictures.length && ["", `Class ${one.number + 1}`].includes(one.name));
    if (!unused && classes().length >= model.get("view").most) return null;
    if (!unused) return (await send({ add: short })).number;
    await send({ rename: unused.number, name: short });
    return unused.number;
  };
  const sortIn = async (all, number) => {
    if (!all.length) return say(NO_FILES); // text, a link, an empty folder
    const { classes: found, loose } = byClass(all);
    const [only] = found.values();
    const into = number ?? target ?? classes()[0].number;
    if (found.size === 1 && number !== null && !all.some(({ folders }) => folders.length > 1))
      return upload(number, [...loose, ...only]); // a plain folder on a class
    let left = "";
    for (const [name, files] of found) {
      const taken = await classFor(name);
      if (taken === null) left += ` There are ${classes().length} classes already: ${name} is left out.`;
      else await upload(taken, files);
    }
    if (loose.length && (number !== null || !found.size)) await upload(into, loose);
    else if (loose.length) left += ` Left out, as they lie in no folder of a class: ${named(loose)}.`;
    if (left) say(left.trim());
  };
  const fail = (error) => say(`That did not work: ${error.message}`);

  const lock = (by) => {
    jobs += by;
    for (const button of [train, read]) button.setAttribute("aria-disabled", String(jobs > 0));
  };
  const busy = (words, slot, job) => {
    lock(1);
    return queue(async () => {
      say(words);
      place = slot;
      await job();
      say("");
    }).then(() => lock(-1));
  };
  const attemptFirst = async (files) => {
    const [file] = files;
    if (!file) return say(NO_FILES);
    await busy("Looking at it …", "try", async () =>
      deliver({ try: file.name }, await shrunk(file), file.name, TRY));
    if (files.length > 1) say(`Of ${files.length} files, only the first is tried.`);
  };
  const live = async () => {
    let label = null;
    for (let i = 0; camera.seesIn(attempt); i++) {
      const next = wait(FRAME);
      await new Promise(requestAnimationFrame); // a page that is not seen does not look either
      if (!camera.seesIn(attempt)) break;
      await send({ frame: i }, await camera.shot());
      const { seen } = model.get("view");
      if (seen && seen.label !== label) say(`The head says ${label = seen.label}.`);
      await next;
    }
  };

  const act = {
    upload,
    rename: (number, name) => send({ rename: number, name }),
    remove: (picture) => send({ remove: picture }),
    clear: (number, then) => send({ clear: number }).then(() => then.focus()),
    dismiss: (number, then) => send({ dismiss: number }).then(() => then.focus()),
    drop: (number) => send({ drop: number }).then(() => more.focus()),
    chose: (number) => { target = number; },
    dropped: (number, files) => files.then((all) => sortIn(all, number)).catch(fail),
    take: (number, first) => queue(async () => {
      if (first) await forget(number);
      if (!camera.sees()) return 0; // it was stopped while this waited for its turn
      const before = pictureCount();
      shots += 1;
      const file = `camera ${shots}.jpg`;
      await deliver({ upload: number, file }, await camera.shot(), file, number);
      return pictureCount() - before;
    }).then((added) => added ?? 0),
    took: (times) => say(times === 1 ? "1 picture taken." : `${times} pictures taken.`),
    useCamera: (where, beside, button, then) => {
      button.disabled = true;
      camera.start(where, beside, () => {
        button.disabled = false;
        if ([document.body, null].includes(root.getRootNode().activeElement)) button.focus();
      }).then(then).catch((error) => { camera.stop(); say(error.message); });
    },
  };
  const list = element("div");
  const more = element("button", { type: "button", onclick: async () => {
    const { number } = await send({ add: "" });
    cards.get(number)?.name.focus();
  } }, "Add a class");
  const folders = fileButton("Add a folder", "Add a folder, with one folder a class in it",
    { webkitdirectory: true, multiple: true }, (files) => sortIn(chosen(files), null).catch(fail));
  const train = element("button", { type: "button", class: "fq-train", onclick: () => {
    if (jobs) return;
    const names = () => Object.fromEntries([...cards].map(([n, { name }]) => [n, name.value]));
    busy("Training …", "train", () => send({ train: names() }));
  } }, "Train");
  const folder = element("input", { type: "text", id: `${prefix}-folder`,
    placeholder: "such as /home/me/pictures" });
  const read = element("button", { type: "button", onclick: () => {
    if (!jobs) busy("Reading the folder and training …", "folder", () => send({ folder: folder.value }));
  } }, "Train on the folder");
  const tried = fileButton("Try a new picture", "Try a new picture", { accept: ACCEPT },
    attemptFirst);
  const sight = element("div");
  const watch = element("button", {
    type: "button", "aria-label": "Use the camera to try the head",
    onclick: () => act.useCamera(sight, [], watch, () => {
      live().catch(fail);
      sight.querySelector("button")?.focus();
    }),
  }, "Use the camera");
  const slots = Object.fromEntries(["train", "folder", "try"].map((name) =>
    [name, element("div", { "aria-live": "polite" })]));
  const stale = element("p", { class: "fq-note" }, "The pictures changed since. Train again to use them.");
  const bars = element("ul", { class: "fq-bars", "aria-label": "Share of each class" });
  const nearest = element("ul", { class: "fq-nearest" });
  const seen = element("div", { class: "fq-seen" }, bars,
    element("div", {}, element("p", { class: "fq-note" }, "Nearest training pictures"), nearest));
  const shown = element("div");
  const attempt = element("div", { class: "fq-class", hidden: true, role: "group", "aria-label": "Try the head" },
    element("div", { class: "fq-controls" }, tried, watch), sight, slots.try, seen);
  const root = element("section", {
    class: "fq fq-own-pictures", "aria-label": "Your own pictures", "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, "Your own pictures")),
  element("p", { class: "fq-note" }, "Choose pictures for each class, drop or paste them there, or use " +
    "the camera. " + model.get("view").kept),
  list,
  element("div", { class: "fq-controls" }, more, folders, train),
  element("details", { hidden: !model.get("view").machine },
    element("summary", {}, "Or use a folder of that machine, with one folder a class in it"),
    element("div", { class: "fq-head" }, element("label", { for: folder.id }, "Folder"), folder, read),
    slots.folder),
  status, slots.train, stale, attempt, shown);

  dropPlace(root, (files) => act.dropped(null, files));
  dropPlace(attempt, (files) => files.then((all) => attemptFirst(all.map(({ file }) => file))).catch(fail));
  root.addEventListener("paste", (event) => {
    const files = pasted(event);
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (attempt.contains(event.target)) attemptFirst(files);
    else upload(target ?? classes()[0].number, files);
  });

  const askForThumbnails = (all) => {
    const numbers = all.flatMap(({ pictures }) => pictures.map(([number]) => number))
      .filter((number) => !wanted.has(number)).slice(0, 50);
    if (!numbers.length) return;
    for (const number of numbers) wanted.add(number);
    send({ show: numbers }).then(draw);
  };
  const drawCards = (all) => {
    for (const [number, { card }] of cards) {
      if (all.some((one) => one.number === number)) continue;
      if (camera.seesIn(card)) camera.stop();
      card.remove();
      cards.delete(number);
      if (target === number) target = null;
    }
    for (const one of all) {
      if (!cards.has(one.number)) {
        cards.set(one.number, makeClass({ number: one.number, prefix, act }));
        list.append(cards.get(one.number).card);
      }
      cards.get(one.number).draw(one, thumbnails, all.length > 2);
    }
  };
  let drawn = null;
  const drawSeen = (found) => {
    if (JSON.stringify(found) === drawn) return;
    drawn = JSON.stringify(found);
    seen.hidden = !found;
    bars.replaceChildren(...(found?.shares ?? []).map(shareBar));
    nearest.replaceChildren(...(found?.nearest ?? []).map((one) => element("li", { title: one.file },
      element("img", { src: one.src, alt: "", draggable: "false" }), element("span", {}, one.class))));
  };
  // Every control stays: a reply changes only what is said and shown.
  const draw = () => {
    const view = model.get("view");
    drawCards(view.classes);
    more.disabled = view.classes.length >= view.most;
    attempt.hidden = !view.trained;
    stale.hidden = !view.stale;
    for (const [name, slot] of Object.entries(slots)) {
      const words = name === place ? view.words : "";
      if (slot.textContent !== words)
        slot.replaceChildren(...(words ? [element("p", { class: "fq-feedback" }, words)] : []));
    }
    drawSeen(view.seen);
    if (shown.firstChild?.src !== view.picture?.src)
      shown.replaceChildren(...(view.picture
        ? [element("img", { src: view.picture.src, alt: view.picture.alt, class: "fq-figure" })] : []));
    askForThumbnails(view.classes);
  };
  const finished = (reply) => {
    for (const [number, source] of Object.entries(reply.thumbnails ?? {}))
      thumbnails.set(Number(number), source);
    replies.get(reply.done)?.(reply);
    replies.delete(reply.done);
  };
  if (model.get("view").picture) place = "try";
  model.on("change:view", draw);
  model.on("msg:custom", finished);
  draw();
  el.append(root);
  return () => {
    camera.stop();
    model.off("change:view", draw);
    model.off("msg:custom", finished);
  };
}

export default () => placed(render);
