// What a learner has done, kept by the browser: what Python keeps in a file, under the same keys. An
// item is what belongs to a question: the question, and the entries of it, oldest first.

const PREFIX = "featlib:";
const LOST = "This browser keeps nothing for this page: what you do here is gone once it is closed.";
const memory = new Map(); // where the browser keeps nothing, as in a private window
let lost = false; // whether that happened
let told = false; // whether it was said

function kept(name) {
  if (memory.has(name)) return memory.get(name);
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + name));
    return found.entries.every(({ time }) => Number.isFinite(time)) ? found : { entries: [] };
  } catch { // nothing, not allowed, or somebody else's
    return { entries: [] };
  }
}

function keep(name, item) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(item));
    memory.delete(name);
  } catch { // not allowed, or full
    memory.set(name, item);
    lost = true;
  }
}

function forget(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    lost = true;
  }
}

// Adds an entry to an item; `question` is kept along with it, for who reads the export.
function add(name, entry, question) {
  const { entries } = kept(name);
  // The clock counts milliseconds: chance adds the rest, so that no two learners have one time.
  const time = (Date.now() + Math.random()) / 1000;
  keep(name, { entries: [...entries, { ...entry, time }], question });
}

// Words to add to a status, the first time that something could not be kept.
function notKept() {
  if (!lost || told) return "";
  told = true;
  return ` ${LOST}`;
}

function itemsOf(kind) {
  const names = new Set(memory.keys());
  try {
    for (const name of Object.keys(localStorage))
      if (name.startsWith(PREFIX)) names.add(name.slice(PREFIX.length));
  } catch { // not allowed
  }
  return [...names].filter((name) => name.startsWith(`${kind}:`)).sort()
    .map((name) => ({ key: name.slice(kind.length + 1), ...kept(name) }))
    .filter(({ entries }) => entries.length > 0);
}

// The mark is the fraction of the second: it says nothing of the hour, and shows which are copies.
const day = (entry) =>
  ({ ...entry, time: Math.floor(entry.time / 86400) * 86400, mark: entry.time % 1 });
const oldestFirst = (entries) => entries.sort((a, b) => a.time - b.time).map(day);
const questionsOf = (items) =>
  Object.fromEntries(items.map(({ key, question }) => [key, question]));

function summary({ entries }) {
  const [first] = entries, { correct, hint, answer } = entries.at(-1);
  const { quiz, question } = first;
  const tries = entries.length;
  return { quiz, question, tries, first_try: first.correct, correct, hint, answer };
}

// What `featlib progress --export` writes, as text in JSON.
function exportProgress() {
  const answers = itemsOf("answers"), guesses = itemsOf("guesses"), cards = itemsOf("reviews");
  const all = (items) => oldestFirst(items.flatMap(({ entries }) => entries));
  return JSON.stringify({
    summary: answers.map(summary),
    answers: all(answers),
    questions: questionsOf(answers),
    reviews: all(cards),
    guesses: all(guesses),
    guess_questions: questionsOf(guesses),
    variant: "",
  }, null, 1);
}
