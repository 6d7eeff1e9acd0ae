// The frozen network of the lesson, loaded once a page, when a picture first needs it.

const PATIENCE = 30_000; // milliseconds for a script that the page holds to run

let network = null; // a promise of what `openNetwork` returns

// `tell` is called with words for the learner while it loads.
function loadNetwork(tell) {
  if (!network) {
    network = loadedNetwork(tell);
    network.catch(() => { network = null; }); // whoever asks again tries again
  }
  return network;
}

async function loadedNetwork(tell) {
  const parts = [runtime(), block("wasm"), block("network")];
  let n = 0;
  let over = false; // what comes after a fault must not hide what was said of it
  const say = () => over
    || tell(`Loading the network, once for this page: ${n} of ${parts.length} parts are here …`);
  say();
  for (const part of parts) part.then(() => { n += 1; say(); }, () => {});
  const all = await Promise.all(parts).finally(() => { over = true; });
  const opened = await openNetwork(...all);
  for (const name of ["ort", "wasm", "network"]) releaseBlock(name);
  return opened;
}

// ONNX Runtime Web is a module. A page from a folder can import none, but it may hold one.
async function runtime() {
  const library = new TextDecoder().decode(await block("ort"));
  return new Promise((resolve, reject) => {
    setTimeout(reject, PATIENCE, new Error("this page may not run the script of the network"));
    featlib.runtime = (ort) => {
      delete featlib.runtime;
      resolve(ort);
    };
    document.head.append(element("script", { type: "module" }, `${library}featlib.runtime(ort);`));
  });
}
