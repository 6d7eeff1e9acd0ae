// Marks answers as featlib/quiz/marking.py does. A question is a dict as Question.to_dict returns it;
// fields that are empty may be missing. `values` are those of the run that the page shows.

const fold = (text) => [...text].map((c) => UNICODE.folds[c] ?? c.toLowerCase()).join("");
const tidy = (text) => single(visible(text).normalize("NFC"));
const THOUSANDS = /(?<=\d)[, ](?=\d{3}(?!\d))/g; // what may part the thousands of a size
const verdictOf = (correct) => (correct ? "" : "Try again.");
const feedbackOf = (candidate) => candidate.feedback || verdictOf(candidate.correct);
const otherwise = (question) =>
  question.answers.findLast(({ type, feedback }) => type === "default" && feedback)?.feedback
  ?? verdictOf(false);

// A mark; `said` are the texts of which its feedback is made, a paragraph each.
const marked = (correct, ...said) =>
  ({ correct: Boolean(correct), feedback: said.join("\n\n"), said, asked_back: false });
const askedBack = (advice) => ({ ...marked(false, advice), asked_back: true });

function refuse(question, wanted, given) {
  throw new Error(`question '${question.id}': expected ${wanted}, got ${JSON.stringify(given)}.`);
}

function numberOfChoice(question, answer) {
  const fits = Number.isInteger(answer) && answer >= 0 && answer < question.answers.length;
  if (!fits) refuse(question, "the number of a choice", answer);
  return answer;
}

const textOf = (question, answer) =>
  (typeof answer === "string" ? answer : refuse(question, "a text", answer));

function markChoice(question, answer) {
  const found = question.answers[numberOfChoice(question, answer)];
  return marked(found.correct, feedbackOf(found));
}

function markChoices(question, answer) {
  if (!Array.isArray(answer)) refuse(question, "a list of numbers of choices", answer);
  const chosen = new Set(answer.map((number) => numberOfChoice(question, number)));
  const feedback = (right) => {
    const said = question.answers.flatMap((candidate, i) =>
      (chosen.has(i) && Boolean(candidate.correct) === right && candidate.feedback)
        ? [candidate.feedback] : []);
    return said.length ? said : [verdictOf(right)];
  };
  const count = (wanted) => question.answers.filter(wanted).length;
  if (count(({ correct }, i) => chosen.has(i) && !correct)) return marked(false, ...feedback(false));
  const missing = count(({ correct }, i) => correct && !chosen.has(i));
  if (!missing) return marked(true, ...feedback(true));
  const words = missing === 1 ? "one is" : `${missing} are`;
  return marked(false, `What you chose is right, but ${words} missing.`);
}

// A value of the run that the page shows.
function asked(question, name, values) {
  if (!(name in values)) refuse(question, `the value '${name}' of the run`, Object.keys(values));
  return values[name];
}

function matchesNumber(question, candidate, given, values) {
  const { precision = 0, tolerance = 0 } = question;
  const round = (number) => (precision ? rounded(number, precision) : number);
  const ours = round(given);
  if (candidate.range) return candidate.range[0] <= ours && ours < candidate.range[1];
  const number = candidate.ask ? asked(question, candidate.ask, values) : candidate.value;
  if (number === undefined) return false;
  const wanted = round(number);
  return ours === wanted || Math.abs(ours - wanted) <= tolerance + 1e-12 * Math.abs(wanted);
}

function markNumeric(question, answer, values) {
  const given = readNumber(textOf(question, answer));
  if (!given.values.length) return askedBack(given.advice);
  const match = (readings) => { // 83 % is 83 and 0.83: it is right if either is
    const first = readings.flatMap((reading) => question.answers.find((candidate) =>
      matchesNumber(question, candidate, reading, values)) ?? []);
    return first.find(({ correct }) => correct) ?? first[0];
  };
  const found = match(given.values);
  // A comma for a point: it is neither wrong nor to be taken for granted.
  if (!found?.correct && match(given.other)?.correct) return askedBack(given.advice);
  return marked(found?.correct, found ? feedbackOf(found) : otherwise(question));
}

function markString(question, answer, values) {
  const given = tidy(textOf(question, answer));
  for (const candidate of question.answers) {
    const texts = candidate.ask ? asked(question, candidate.ask, values)
      : candidate.answer === undefined ? [] : [candidate.answer];
    for (const wanted of texts) {
      const [ours, theirs] = [given, tidy(wanted)].map((text) =>
        (candidate.match_case ? text : fold(text)));
      if (ours === theirs) return marked(candidate.correct, feedbackOf(candidate));
      const threshold = candidate.fuzzy_threshold;
      if (threshold && likeness([...ours], [...theirs]) >= threshold)
        return marked(candidate.correct, `(Nearly) ${feedbackOf(candidate)}`);
    }
  }
  return marked(false, otherwise(question));
}

// 1 − edit distance / length of the longer text (Levenshtein, 1966), on characters.
function likeness(a, b) {
  const row = [...Array(b.length + 1).keys()];
  a.forEach((x, i) => {
    let before = row[0];
    row[0] = i + 1;
    b.forEach((y, j) => {
      const now = Math.min(row[j + 1] + 1, row[j] + 1, before + (x === y ? 0 : 1));
      before = row[j + 1];
      row[j + 1] = now;
    });
  });
  return 1 - row[b.length] / Math.max(a.length, b.length, 1);
}

function markShape(question, answer) {
  const text = single(plain(tidy(textOf(question, answer))))
    .replace(/^(?:torch\.)?size\((.*)\)$/, "$1"); // as PyTorch prints it
  const backAsked = askedBack("Write a shape like (1000, 512) or 1000x512.");
  if (!/^[([]? ?\d+( ?[x*, ] ?\d+)* ?,? ?[)\]]?$/.test(text)) return backAsked;
  const match = (sizes) => {
    const given = String(sizes.match(/\d+/g).map((size) => size.replace(/^0+(?=\d)/, "")));
    return question.answers.find(({ shape }) => shape && String(shape) === given);
  };
  const found = match(text);
  if (!found?.correct && match(text.replace(THOUSANDS, ""))?.correct) return backAsked;
  return found ? marked(found.correct, feedbackOf(found)) : marked(false, otherwise(question));
}

function markOrder(question, answer) {
  const right = question.items.map((_, i) => i);
  const fits = Array.isArray(answer) && String([...answer].sort((a, b) => a - b)) === String(right);
  if (!fits) refuse(question, "the numbers of all items in some order", answer);
  const correct = String(answer) === String(right);
  return marked(correct, question.feedback[correct ? "correct" : "wrong"]);
}

const MARKERS = {
  multiple_choice: markChoice,
  many_choice: markChoices,
  numeric: markNumeric,
  string: markString,
  shape: markShape,
  order: markOrder,
};

const mark = (question, answer, values = {}) => MARKERS[question.type](question, answer, values);
