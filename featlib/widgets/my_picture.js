// One picture, chosen, dropped or pasted. What is shown is the kernel's `view`.

const MOST = 9e6; // bytes; servers limit the size of one message

function render({ model, el }) {
  const prefix = `mine${Math.random().toString(36).slice(2)}`;
  const replies = new Map(); // what waits for a reply, by the message that it answers
  let count = 0; // of messages
  let last = Promise.resolve(); // jobs run one after the other

  const status = element("p", { role: "status", class: "fq-status" });
  const say = (words) => { if (status.textContent !== words) status.textContent = words; };
  const send = (message, buffers) => {
    const sent = `${prefix}-${count += 1}`;
    const reply = new Promise((resolve) => replies.set(sent, resolve));
    model.send({ ...message, sent }, undefined, buffers);
    return reply;
  };
  const fail = (error) => say(`That did not work: ${error.message}`);
  const queue = (job) => {
    last = last.then(job).catch(fail);
  };
  const take = (files) => queue(async () => {
    const [file] = files;
    if (!file) return say("That was no file. Try a picture.");
    say(`Reading ${file.name}`);
    const blob = await shrunk(file);
    if (blob.size > MOST)
      return say(`${file.name}: ${(blob.size / 1e6).toFixed(1)} MB, and your browser cannot make it ` +
        "smaller. Save it as JPEG, and try again.");
    await send({ picture: file.name }, [await blob.arrayBuffer()]);
    const more = files.length > 1 ? ` Of ${files.length} files, only the first counts.` : "";
    say(model.get("view").words + more);
  });

  const { title, kept } = model.get("view");
  const picture = element("img", { width: 96, height: 96 });
  const caption = element("span");
  const choose = fileButton("Choose a picture", "Choose a picture of your own", { accept: ACCEPT }, take);
  const camera = makeCamera();
  const sight = element("div");
  const snap = element("button", { type: "button", onclick: () => camera.sees() && camera.shot().then((shot) => {
    camera.stop();
    take([new File([shot], "camera.jpg")]);
  }).catch(fail) }, "Take the picture");
  const look = element("button", { type: "button", onclick: () => {
    const free = () => { look.disabled = false; look.focus(); };
    look.disabled = true;
    camera.start(sight, [snap], free).then(() => snap.focus())
      .catch((error) => { camera.stop(); say(error.message); });
  } }, "Use the camera");
  const bars = element("ul", { class: "fq-bars", "aria-label": "Share of each class" });
  const seen = element("div", { class: "fq-seen" }, bars);
  const cat = element("button", { type: "button", onclick: () => {
    if (model.get("view").own) queue(() => send({ cat: true }, []));
  } }, "Take the cat instead");
  const root = element("section", {
    class: "fq fq-own-pictures", "aria-label": title,
    "data-lm-suppress-shortcuts": "true", onkeydown: (event) => event.stopPropagation(),
  }, element("header", {}, element("p", { class: "fq-title" }, title)),
  element("p", { class: "fq-note" }, "Choose one, drop it here or paste it. " + kept),
  element("div", { class: "fq-head" }, picture,
    element("div", {}, element("p", {}, caption), element("div", { class: "fq-controls" }, choose, cat, look))),
  sight, status, seen);

  dropPlace(root, (found) => found.then((all) => take(all.map(({ file }) => file))).catch(fail));
  root.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    event.preventDefault();
    event.stopPropagation();
    take(files);
  });

  const draw = () => {
    const view = model.get("view");
    if (picture.src !== view.src) picture.src = view.src;
    picture.alt = view.caption;
    caption.textContent = `Now: ${view.caption}`;
    seen.hidden = !view.shares; // in a notebook, the lesson itself says what it sees
    bars.replaceChildren(...(view.shares ?? []).map(shareBar));
    cat.setAttribute("aria-disabled", String(!view.own)); // it keeps the focus
    say(view.words);
  };
  const finished = ({ done }) => {
    replies.get(done)?.();
    replies.delete(done);
  };
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
