// Large data of the page (blocks.py), each loaded once, when it is first needed. A block is an element
// of the page, or a file beside this script: a page from a folder may load scripts, and nothing else.

const SCRIPT = document.currentScript?.src ?? ""; // known only while the script runs for the first time
const blocks = new Map(); // promises of their bytes, by their names
const arrived = new Map(); // texts that files brought, until they are unpacked

// Return the bytes of a block. All who ask get the same array: none may change it.
function block(name) {
  if (!blocks.has(name)) {
    const found = packedBlock(name).then(unpacked);
    found.catch(() => blocks.delete(name)); // whoever asks again tries again
    blocks.set(name, found);
  }
  return blocks.get(name);
}

const inPage = (name) => document.querySelector(`script[data-featlib-block="${name}"]`);

// Let go of a block that nobody will ask for again.
function releaseBlock(name) {
  blocks.delete(name);
  inPage(name)?.remove();
}

async function packedBlock(name) {
  const held = inPage(name);
  if (held) return held.textContent;
  if (!SCRIPT) throw new Error(`This page was made without the block "${name}".`);
  const file = `featlib-${name}.js`;
  const script = element("script", { src: new URL(file, SCRIPT).href });
  const loaded = new Promise((resolve) => {
    script.onload = script.onerror = resolve;
  });
  document.head.append(script);
  await loaded;
  script.remove();
  const text = arrived.get(name);
  arrived.delete(name);
  if (text === undefined)
    throw new Error(`The file ${file} cannot be loaded. It belongs beside the script of this page.`);
  return text;
}

// What the file of a block calls.
const bring = (name, text) => { arrived.set(name, text); };
