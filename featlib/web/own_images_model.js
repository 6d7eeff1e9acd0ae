// What featlib/widgets/own_images.py does: a head is trained on pictures of the learner's own, and new
// ones are tried.

const NEAREST = 3; // training pictures that are shown beside a new one
const TRY = -1; // the number that stands for no class: a picture to try
const QUIET = ["piece", "show", "dismiss"]; // messages that cure no earlier error
const NEW = ["try", "frame"]; // new pictures: a view of the camera cures only errors of these
const OFTEN = 500; // milliseconds between two words about progress

const rest = () => new Promise((resolve) => setTimeout(resolve)); // so that the page can be used

// The 95% Wilson score interval of an accuracy; see validation.wilson_interval.
function wilsonInterval(right, n) {
  const z = 1.9599639845400536, share = right / n;
  const middle = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z / n) ** 2 / 4)) / (1 + z ** 2 / n);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function cosine(a, b) {
  let product = 0, first = 0, second = 0;
  for (let i = 0; i < a.length; i += 1) {
    product += a[i] * b[i];
    first += a[i] ** 2;
    second += b[i] ** 2;
  }
  return product / Math.max(Math.sqrt(first * second), 1e-8);
}

function ownImagesModel({ view, transform }) {
  const own = ownPictures(view.most);
  const pieces = new Map(); // of large files, by the mark of the message to come
  let trained = null; // what the head is, and what it was trained on
  let kind = ""; // of the message that is answered
  let wrong = ""; // the kind of the message whose error is shown
  let show; // changes of what is shown
  let shown; // what is shown
  let turn = Promise.resolve(); // messages are answered one after the other

  const put = (changes) => {
    if ("words" in changes) wrong = "";
    shown = { ...shown, ...changes };
    show(changes);
  };
  const complain = (words) => {
    put({ words: printable(words) });
    wrong = kind;
  };
  const tell = (words) => put({ words });
  const changed = () => put({ ...own.view(), stale: trained !== null });

  const featuresAt = async (pixels, size) => {
    const featuresOf = await loadNetwork(tell);
    return featuresOf(preparedPicture(pixels, { ...transform, size }));
  };
  // The features of all pictures; those that were seen before are known.
  const extract = async (pictures, size) => {
    let last = performance.now();
    for (const [i, { pixels, rows }] of pictures.entries()) {
      if (rows.has(size)) continue;
      rows.set(size, await featuresAt(areaMeans(pixels, size), size));
      await rest();
      if (performance.now() - last < OFTEN) continue;
      tell(`Extracting features: ${i + 1} of ${pictures.length} pictures …`);
      last = performance.now();
    }
  };
  const train = async () => {
    const used = own.used();
    await loadNetwork(tell);
    const started = performance.now();
    const classes = used.map(({ name }) => name);
    const labeled = used.flatMap(({ pictures }, label) => {
      const out = heldOut(pictures.size);
      return [...pictures.values()].map((picture, i) => ({ picture, label, out: out.has(i) }));
    });
    const size = usualSize(labeled.map(({ picture }) => picture.side));
    await extract(labeled.map(({ picture }) => picture), size);
    const [known, others] = [false, true].map((side) => labeled.filter(({ out }) => out === side)
      .map(({ picture, label }) => ({ picture, label, features: picture.rows.get(size) })));
    const head = await trainHead({
      features: Float32Array.from(known.flatMap(({ features }) => [...features])),
      labels: known.map(({ label }) => label),
      classes: classes.length,
    });
    trained = { classes, size, head, known };
    const said = ({ features }) => {
      const logits = linear(features, head);
      return logits.indexOf(Math.max(...logits));
    };
    const n = others.length, right = others.filter((one) => said(one) === one.label).length;
    const seconds = (performance.now() - started) / 1000;
    const [low, high] = wilsonInterval(right, n);
    const words = `Trained on ${known.length} pictures, read at ${size}×${size} pixels, in `
      + `${fixed(seconds, 1)} seconds. Of ${n} others, ${right} are right: ${percent(right / n)}, `
      + `with so few pictures anything from ${percent(low)} to ${percent(high)}.`;
    put({ words, trained: true, stale: false, picture: null, seen: null });
  };
  const read = async (name, content) => {
    const fix = "Add pictures of two classes and press Train.";
    if (!trained) refuseGiven(OWN, "a trained head", "none yet", fix);
    return squarePicture(await readGiven(OWN, name, content), trained.size);
  };
  // Show at once what the head says, and the training pictures that are most alike.
  const look = async (pixels) => {
    const { classes, size, head, known } = trained;
    const features = await featuresAt(pixels, size);
    const logits = linear(features, head);
    const shares = softmax(logits);
    const sure = Math.max(...shares), label = classes[shares.indexOf(sure)];
    const nearest = known.map((one) => ({ ...one, angle: cosine(features, one.features) }))
      .sort((a, b) => b.angle - a.angle).slice(0, NEAREST)
      .map(({ picture, label: k }) =>
        ({ src: thumbnailOf(picture.pixels), class: classes[k], file: picture.name }));
    const seen = { label, shares: classes.map((name, k) => [name, shares[k]]), nearest };
    put({ seen, picture: null });
    return { pixels, features, logits, shares, classes, label, sure };
  };
  const explain = async (pixels) => {
    const traced = await look(pixels);
    const words = `The head says ${traced.label}, ${percent(traced.sure)} sure.`;
    put({ words, picture: traceFigure(traced) });
  };
  const piece = (mark, number, name, content) => {
    const held = pieces.get(mark) ?? [];
    const size = held.reduce((sum, part) => sum + part.byteLength, content.byteLength);
    try {
      if (!held.length) kindOfPicture(content);
      if (size > LARGEST_FILE)
        throw new RefusedError(`too large: at most ${LARGEST_FILE / 1e6} MB are read`);
    } catch ({ message }) {
      pieces.clear();
      if (number === TRY) {
        complain(messageOf(OWN, "a picture", `${name}: ${message}`, "Try another one."));
      } else {
        own.refuse(number, name, message);
        put(own.view());
      }
      return { refused: true };
    }
    pieces.set(mark, [...held, content]);
    return {};
  };
  const whole = async (mark, content) => {
    const parts = [...(pieces.get(mark) ?? []), content];
    pieces.delete(mark);
    return parts.length > 1 ? new Blob(parts).arrayBuffer() : content;
  };

  const on = {
    upload: async ({ upload, file, sent }, content) => {
      if (await own.put(upload, file, await whole(sent, content))) changed();
      else put(own.view()); // the class names the file and the reason
    },
    batch: async ({ batch, files }, content) => {
      let start = 0, counted = false;
      for (const [name, size] of files) {
        if (await own.put(batch, name, content.slice(start, start + size))) counted = true;
        start += size;
      }
      put({ ...own.view(), stale: shown.stale || (trained !== null && counted) });
    },
    piece: (message, content) => piece(message.piece, message.number, message.file, content),
    remove: (message) => { own.remove(message.remove); changed(); },
    clear: (message) => { own.clear(message.clear); changed(); },
    add: (message) => {
      const number = own.add(message.add);
      put(own.view());
      return { number };
    },
    rename: (message) => { own.rename(message.rename, message.name); changed(); },
    drop: (message) => { own.drop(message.drop); changed(); },
    dismiss: (message) => { own.dismiss(message.dismiss); put(own.view()); },
    show: (message) => {
      const found = message.show.map((number) => [number, own.picture(number)])
        .filter(([, picture]) => picture);
      return { thumbnails: Object.fromEntries(
        found.map(([number, { pixels }]) => [number, thumbnailOf(pixels)])) };
    },
    train: async (message) => {
      for (const { number } of own.view().classes)
        if (number in message.train) own.rename(number, message.train[number]);
      put(own.view());
      await train();
    },
    try: async (message, content) =>
      explain(await read(message.try, await whole(message.sent, content))),
    frame: async (_, content) => {
      const pixels = await read("the camera's view", content);
      if (shown.picture) put({ words: "" }); // what was said of the picture before
      await look(pixels);
    },
  };
  const answer = async (message, content) => {
    kind = Object.keys(on).find((name) => name in message);
    const cures = kind === "frame" ? NEW.includes(wrong) : !QUIET.includes(kind);
    if (wrong && cures) put({ words: "" });
    try {
      return await on[kind](message, content) ?? {};
    } catch (error) {
      complain(wordsOf(error));
      return {};
    }
  };
  shown = { ...view, ...own.view() };
  return pageModel(shown, (message, change, _, [content]) => {
    show = change;
    const answered = turn.then(() => answer(message, content));
    turn = answered;
    return answered;
  });
}
