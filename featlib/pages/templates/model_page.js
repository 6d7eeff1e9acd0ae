// What the page does. `ort`, ONNX Runtime Web, stands before it in the same script.
const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);
const status = byId("status");
const SHOWN = 10; // classes with a bar
const PAUSE = 50; // milliseconds between two frames of the camera, at least

function element(kind, words = "", attributes = {}) {
  const made = document.createElement(kind);
  made.textContent = words; // never as HTML: a name may hold anything
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function taken(id) {
  const text = byId(id).textContent;
  byId(id).remove(); // it is large, and needed once
  return unpacked(text);
}

let featuresOf, head, alike;
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
  const program = await taken("runtime");
  featuresOf = await openNetwork(ort, program, await taken("network"));
  head = headOf(new Float32Array((await taken("head")).buffer));
  alike = facts.alike ? new Int8Array((await taken("alike")).buffer) : new Int8Array();
}

async function classify(picture) {
  const pixels = squarePicture(picture, facts.pictureSize);
  const features = await featuresOf(preparedPicture(pixels, facts));
  const shares = softmax(linear(features, head))
    .map((share, k) => [facts.classes[k], share]);
  return { shares: shares.sort((a, b) => b[1] - a[1]), nearest: nearest(features) };
}

// The pictures whose features have the smallest angle to these.
function nearest(features) {
  const angles = (facts.alike ?? []).map((picture, row) => {
    let product = 0;
    let square = 0;
    for (let i = 0; i < FEATURES; i += 1) {
      const other = alike[row * FEATURES + i];
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
    let picture = null;
    try {
      picture = await decodedPicture(file);
      const answer = await classify(picture);
      const place = element("div");
      const card = element("article", "", { class: "seen", "aria-label": file.name });
      card.append(thumbnail(picture, file.name), place);
      show(place, answer);
      place.prepend(element("p", file.name, { class: "name soft" }));
      byId("answers").append(card);
      n += 1;
      status.textContent = `${n} of ${files.length}`;
    } catch (error) {
      const why = picture ? error.message : "this browser cannot read it as a picture";
      complain(`${file.name}: ${why}`);
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
  if (stream) { // two clicks, one camera
    lent.getTracks().forEach((track) => track.stop());
    return;
  }
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
  camera.disabled = false; // at once: who sees the camera can stop it
  status.textContent = "The camera is on. Its pictures are not kept.";
  await video.play();
  while (stream === lent) {
    if (video.videoWidth) show(place, await classify(drawnPicture(video, video.videoWidth, video.videoHeight)));
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
