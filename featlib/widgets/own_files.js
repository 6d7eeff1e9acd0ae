// Files that were chosen, dropped or pasted, with the folders that they lay in.

const NO_FILES = "There is no file in that. Save the picture first, then choose or drop its file.";
const NAMED = 5; // files in a sentence at most
const PASSED_OVER = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i; // what systems put beside them

async function* filesIn(entry, folders) {
  if (PASSED_OVER.test(entry.name)) return;
  if (entry.isFile) {
    yield { file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folders };
    return;
  }
  const reader = entry.createReader();
  const some = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  for (let found = await some(); found.length; found = await some()) // a hundred at a time
    for (const inner of found) yield* filesIn(inner, [...folders, entry.name]);
}

// Return all files of a drop, also those within folders.
async function dropped({ items }) {
  // To be asked for before anything is waited for: the list is emptied then.
  const entries = [...items].filter(({ kind }) => kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const all = [];
  for (const entry of entries) {
    if (entry instanceof File) all.push({ file: entry, folders: [] });
    else for await (const one of filesIn(entry, [])) all.push(one);
  }
  return all;
}

// Return the files of a folder that was chosen.
function chosen(files) {
  return [...files].map((file) => ({ file, folders: file.webkitRelativePath.split("/").slice(0, -1) }))
    .filter(({ file, folders }) => ![file.name, ...folders].some((name) => PASSED_OVER.test(name)));
}

// The names of some files, for a sentence.
function named(files) {
  const more = files.length - NAMED;
  const names = files.slice(0, NAMED).map(({ name }) => name).join(", ");
  return more > 0 ? `${names} and ${more} more` : names;
}

// Sort files into classes: the folders within a folder, or the folder itself where it has none.
function byClass(all) {
  const split = new Set(all.filter(({ folders }) => folders.length > 1).map(({ folders }) => folders[0]));
  const classes = new Map(), loose = [];
  const ordered = [...all].sort((a, b) => a.file.name.localeCompare(b.file.name, "en", { numeric: true }));
  for (const { file, folders } of ordered) {
    const name = split.has(folders[0]) ? folders[1] : folders[0];
    if (name === undefined) loose.push(file);
    else classes.set(name, [...(classes.get(name) ?? []), file]);
  }
  return { classes: new Map([...classes].sort(([a], [b]) => a.localeCompare(b))), loose };
}
