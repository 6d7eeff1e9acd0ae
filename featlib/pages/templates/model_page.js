// What the page does. `ort`, ONNX Runtime Web, stands before it in the same script.
const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);
const status = byId("status");
const UNIT = 2 ** 22; // what Pillow counts as a weight of 1
const LARGEST = 24e6; // pixels of a picture; of larger ones the browser makes a smaller copy
const SHOWN = 10; // classes with a bar
const PAUSE = 50; // milliseconds between two frames of the camera, at least

function element(kind, words = "", attributes = {}) {
  const made = document.createElement(kind);
  made.textContent = words; // never as HTML: a name may hold anything
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function bytes(id) {
  const text = atob(byId(id).textContent);
  const found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) found[i] = text.charCodeAt(i);
  byId(id).remove(); // it is large, and needed once
  return found;
}

async function unpacked(id) {
  const stream = new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// For each new pixel of a line: the first old one that counts, and the weights of those from there
// on. Of a line of old pixels its middle is taken. Pillow's BILINEAR, which PyTorch calls antialias.
function scaling(length, middle, size, whole) {
  const factor = middle / size;
  const reach = Math.max(factor, 1);
  return Array.from({ length: size }, (_, i) => {
    const center = (length - middle) / 2 + (i + 0.5) * factor;
    const first = Math.max(0, Math.floor(center - reach));
    const last = Math.min(length, Math.ceil(center + reach));
    const weights = [];
    for (let j = first; j < last; j += 1)
      weights.push(Math.max(0, 1 - Math.abs(j + 0.5 - center) / reach));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [first, weights.map((w) => (whole ? Math.floor((w / total) * UNIT + 0.5) : w / total))];
  });
}

// Scale one axis of pixels, three numbers each. `step` and `across`: how far apart in the array two
// pixels along this axis, and two lines of it, are.
function scaleAxis(from, lines, across, step, weights, whole) {
  const size = weights.length;
  const vertical = step > across;
  const to = new (whole ? Uint8ClampedArray : Float64Array)(lines * size * 3);
  for (let line = 0; line < lines; line += 1)
    for (let i = 0; i < size; i += 1) {
      const [first, row] = weights[i];
      const at = 3 * (vertical ? i * lines + line : line * size + i);
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = whole ? UNIT / 2 : 0;
        let place = line * across + first * step + channel;
        for (let j = 0; j < row.length; j += 1, place += step) sum += from[place] * row[j];
        to[at + channel] = whole ? Math.floor(sum / UNIT) : sum;
      }
    }
  return to;
}

// Crop the middle and scale, in the order in which Pillow does it: it rounds in between.
function scaled(pixels, width, height, size, whole) {
  const middle = Math.min(width, height);
  const along = scaling(width, middle, size, whole);
  const down = scaling(height, middle, size, whole);
  if (whole && height > size && height + size > 2 * middle) {
    const low = scaleAxis(pixels, width, 3, 3 * width, down, whole);
    return scaleAxis(low, size, 3 * width, 3, along, whole);
  }
  const narrow = scaleAxis(pixels, height, 3 * width, 3, along, whole);
  return scaleAxis(narrow, size, 3, 3 * size, down, whole);
}

// From what a canvas holds, red green blue alpha, to what the network takes: 3×S×S.
function prepared({ data, width, height }) {
  let pixels = new Uint8ClampedArray(width * height * 3);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    pixels[j++] = data[i];
    pixels[j++] = data[i + 1];
    pixels[j++] = data[i + 2];
  }
  const { pictureSize, size, mean, std } = facts;
  pixels = scaled(pixels, width, height, pictureSize, true);
  if (size !== pictureSize) pixels = scaled(pixels, pictureSize, pictureSize, size, false);
  const planes = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel += 1)
    for (let i = 0; i < size * size; i += 1)
      planes[channel * size * size + i] = (pixels[3 * i + channel] / 255 - mean[channel]) / std[channel];
  return planes;
}

function drawn(source, width, height) {
  const shrink = Math.min(1, Math.sqrt(LARGEST / (width * height)));
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.round(width * shrink));
  canvas.height = Math.max(1, Math.round(height * shrink));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // below what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

let session, head, alike;
// First the network, then what is chosen, one after the other, however much comes at once.
let queue = load().then(
  () => {
    status.textContent = "Ready. Pictures stay in this browser.";
    byId("files").disabled = byId("camera").disabled = false;
  },
  (error) => {
    status.classList.add("fault");
    status.textContent = `The network cannot be loaded here: ${error.message}. Try a newer browser.`;
    throw error;
  },
);

async function load() {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = await unpacked("runtime");
  const options = { executionProviders: ["wasm"] };
  session = await ort.InferenceSession.create(await unpacked("network"), options);
  head = new Float32Array((await unpacked("head")).buffer);
  alike = facts.alike ? new Int8Array((await unpacked("alike")).buffer) : new Int8Array();
}

let turn = Promise.resolve(); // the network takes one picture at a time

function classify(picture) {
  const answer = turn.then(() => compute(picture));
  turn = answer.catch(() => {});
  return answer;
}

async function compute(picture) {
  const shape = [1, 3, facts.size, facts.size];
  const images = new ort.Tensor("float32", prepared(picture), shape);
  const features = (await session.run({ images })).features.data;
  const n = facts.classes.length;
  const logits = facts.classes.map((_, k) => {
    let sum = head[n * 512 + k];
    for (let i = 0; i < 512; i += 1) sum += features[i] * head[k * 512 + i];
    return sum;
  });
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const shares = powers.map((power, k) => [facts.classes[k], power / total]);
  return { shares: shares.sort((a, b) => b[1] - a[1]), nearest: nearest(features) };
}

// The pictures whose features have the smallest angle to these.
function nearest(features) {
  const angles = (facts.alike ?? []).map((picture, row) => {
    let product = 0;
    let square = 0;
    for (let i = 0; i < 512; i += 1) {
      const other = alike[row * 512 + i];
      product += features[i] * other;
      square += other * other;
    }
    return [product / Math.sqrt(square || 1), picture];
  });
  return angles.sort((a, b) => b[0] - a[0]).slice(0, 3).map(([, picture]) => picture);
}

function show(place, { shares, nearest }) {
  const [best, share] = shares[0];
  const bars = element("ul", "", { class: "bars", "aria-label": "Classes, the best first" });
  for (const [name, part] of shares.slice(0, SHOWN)) {
    const row = element("li");
    const bar = element("i", "", { "aria-hidden": "true" });
    bar.style.setProperty("--share", `${100 * part}%`);
    row.append(element("span", name), bar, element("b", `${(100 * part).toFixed(1)}%`));
    bars.append(row);
  }
  const said = element("p", `${best}, ${Math.round(100 * share)}% sure`, { class: "said" });
  place.replaceChildren(said, bars);
  if (shares.length > SHOWN)
    place.append(element("p", `and ${shares.length - SHOWN} more classes`, { class: "soft" }));
  if (!nearest.length) return;
  const pictures = element("ul", "", { class: "alike", "aria-label": "Most alike" });
  for (const { name, src } of nearest) {
    const item = element("li");
    item.append(element("img", "", { src, alt: "" }), element("span", name));
    pictures.append(item);
  }
  place.append(element("p", "Of the maker’s pictures these are most alike:", { class: "soft" }), pictures);
}

async function read(file) {
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options);
  try {
    return drawn(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

// A small copy to look at, as wide as it is shown.
function thumbnail(picture, name) {
  const canvas = element("canvas", "", { role: "img", "aria-label": name });
  const whole = element("canvas");
  [whole.width, whole.height] = [picture.width, picture.height];
  whole.getContext("2d").putImageData(picture, 0, 0);
  canvas.width = 352;
  canvas.height = Math.max(1, Math.min(704, Math.round((352 * picture.height) / picture.width)));
  canvas.getContext("2d").drawImage(whole, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function complain(words) {
  byId("faults").hidden = false;
  byId("faults").append(element("li", words, { class: "fault" }));
}

function take(chosen) {
  const files = [...chosen]; // now: the browser empties its own list
  queue = queue.then(() => takeAll(files));
}

async function takeAll(files) {
  if (!files.length) return;
  byId("faults").replaceChildren();
  byId("faults").hidden = true;
  const started = performance.now();
  let n = 0;
  for (const file of files) {
    try {
      const picture = await read(file);
      const answer = await classify(picture);
      const place = element("div");
      const card = element("article", "", { class: "seen", "aria-label": file.name });
      card.append(thumbnail(picture, file.name), place);
      show(place, answer);
      place.prepend(element("p", file.name, { class: "name soft" }));
      byId("answers").append(card);
      n += 1;
      status.textContent = `${n} of ${files.length}`;
    } catch {
      complain(`${file.name}: this browser cannot read it as a picture`);
    }
    await new Promise((resolve) => setTimeout(resolve)); // so that the page can be used meanwhile
  }
  const each = Math.round((performance.now() - started) / files.length);
  const said = byId("answers").lastElementChild?.querySelector(".said").textContent;
  const one = files.length === 1 && n === 1;
  const words = one ? `${files[0].name}: ${said}.` : `${n} of ${files.length} classified.`;
  status.textContent = `${words} ${each} ms each.`;
}

let stream = null;
const camera = byId("camera");

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  byId("live").hidden = true;
  byId("live").replaceChildren();
  camera.textContent = "Use the camera";
}

const REASONS = {
  NotAllowedError: "The camera may not be used here. Allow it in the browser’s address bar.",
  NotFoundError: "There is no camera. Choose pictures instead.",
  NotReadableError: "The camera does not answer. Does another program use it?",
};

async function start() {
  if (!navigator.mediaDevices) throw new DOMException("", "none");
  const lent = await navigator.mediaDevices.getUserMedia({ video: true });
  stream = lent;
  const video = element("video", "", { "aria-label": "What the camera sees", playsinline: "" });
  video.muted = true;
  video.srcObject = lent;
  const place = element("div");
  const card = element("div", "", { class: "seen" });
  card.append(video, place);
  byId("live").replaceChildren(card);
  byId("live").hidden = false;
  camera.textContent = "Stop the camera";
  status.textContent = "The camera is on. Its pictures are not kept.";
  await video.play();
  while (stream === lent) {
    if (video.videoWidth) show(place, await classify(drawn(video, video.videoWidth, video.videoHeight)));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

camera.addEventListener("click", async () => {
  if (stream) {
    stop();
    status.textContent = "The camera is off.";
    return;
  }
  camera.disabled = true;
  const started = start().catch((error) => {
    stop();
    status.textContent = REASONS[error.name] ?? "This browser lends no camera to this page. Choose pictures instead.";
  });
  await Promise.race([started, new Promise((resolve) => setTimeout(resolve, 500))]);
  camera.disabled = false;
});

const files = byId("files");
files.addEventListener("change", () => {
  take(files.files);
  files.value = ""; // so that the same file can be chosen again
});
const place = byId("place");
const held = (event) => [...(event.dataTransfer ?? event.clipboardData).files];
const over = (event) => {
  event.preventDefault();
  place.classList.toggle("over", event.type === "dragover");
};
document.addEventListener("dragover", over);
document.addEventListener("dragleave", over);
document.addEventListener("drop", (event) => {
  over(event);
  take(held(event));
});
document.addEventListener("paste", (event) => take(held(event)));
window.addEventListener("pagehide", stop);
