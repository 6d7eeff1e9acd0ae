// One camera for the whole widget. It is asked for on a click, and let go by "Stop the camera", by
// the next place that uses it, and with the widget.

const PAUSE = 150; // milliseconds between two pictures of a burst, at least
const REASONS = {
  NotAllowedError: "The camera may not be used here. Allow it in the browser's address bar.",
  NotFoundError: "There is no camera. Choose pictures instead.",
  NotReadableError: "The camera does not answer. Does another program use it?",
};
const ELSEWHERE = "Browsers lend a camera only to pages of https or of localhost. Choose pictures instead.";

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function makeCamera() {
  const video = element("video", { playsinline: true, "aria-label": "What the camera sees" });
  video.muted = true;
  let stream = null;
  let asked = 0; // how often it was started or stopped
  let closed = () => {};

  const release = (lent) => lent?.getTracks().forEach((track) => track.stop());
  const stop = () => {
    asked += 1;
    release(stream);
    stream = video.srcObject = null;
    video.remove();
    closed();
    closed = () => {};
  };
  // Show the camera in a place, with more beside it; `done` is called when it leaves, or was stopped
  // before it came.
  const start = async (place, beside, done) => {
    stop();
    const mine = asked;
    closed = done;
    if (!navigator.mediaDevices) throw new Error(ELSEWHERE);
    const lent = await navigator.mediaDevices
      .getUserMedia({ video: { width: { ideal: 640 } } })
      .catch((error) => { throw new Error(REASONS[error.name] ?? `The camera failed: ${error.message}`); });
    if (mine !== asked) return release(lent); // it was stopped before it came
    stream = video.srcObject = lent;
    const quit = element("button", { type: "button", onclick: stop }, "Stop the camera");
    const panel = element("div", { class: "fq-camera" }, video,
      element("div", { class: "fq-controls" }, ...beside, quit));
    lent.getTracks().forEach((track) => track.addEventListener("ended", stop)); // it was unplugged
    place.append(panel);
    const watch = setInterval(() => video.isConnected || stop(), 500); // the output may be cleared
    closed = () => { clearInterval(watch); panel.remove(); done(); };
    await video.play();
  };
  const shot = () => asJpeg(video, video.videoWidth, video.videoHeight);
  const seesIn = (place) => stream !== null && place.contains(video);
  // Before its first view, and once it is stopped, a picture of it would be an empty one.
  const sees = () => stream !== null && video.videoWidth > 0;
  return { start, stop, shot, sees, seesIn };
}

// Make a button that takes pictures while it is held, by a pointer or a key. `take` is told how many
// times it was called before, and says whether there is one picture more; `done` is told the sum.
function holdButton(words, take, done) {
  let held = false;
  let running = false;
  const begin = async () => {
    held = true;
    if (running) return;
    running = true;
    let taken = 0, calls = 0;
    do {
      const next = wait(PAUSE);
      taken += await take(calls);
      calls += 1;
      await next;
    } while (held && button.isConnected);
    running = held = false;
    done(taken);
  };
  const end = () => { held = false; };
  const isKey = ({ key }) => key === " " || key === "Enter";
  const button = element("button", {
    type: "button", class: "fq-hold",
    onpointerdown: (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      begin();
    },
    onpointerup: end, onpointercancel: end, onlostpointercapture: end, onblur: end,
    onkeydown: (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      if (!event.repeat) begin();
    },
    onkeyup: (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      end();
    },
    onclick: (event) => { // of a screen reader, or a voice: they hold nothing
      if (event.detail > 0) return;
      begin();
      end();
    },
    oncontextmenu: (event) => event.preventDefault(), // a long touch asks for it
  }, words);
  return button;
}
