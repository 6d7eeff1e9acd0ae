// What featlib/quiz/guesses.py and featlib/widgets/guess.py do with what a learner guesses. What was
// measured comes with the page, and is shown once a guess is kept.

// A number with so many decimals; what is exactly half goes to the even digit, as Python writes it.
function fixed(number, decimals) {
  let top = Math.abs(number), bottom = 1n;
  for (; !Number.isInteger(top); bottom *= 2n) top *= 2;
  const digits = String(divided(BigInt(top) * 10n ** BigInt(decimals), bottom))
    .padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  const whole = digits.slice(0, point).replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = number < 0 && /[1-9]/.test(digits) ? "-" : "";
  return sign + whole + (decimals ? `.${digits.slice(point)}` : "");
}

// `words` are the labels, as they can be shown.
function compared({ kind, decimals, labels }, words, value, truth) {
  if (kind === "choice")
    return words[labels.indexOf(value)] + (value === truth ? ", and that is right" : "");
  const write = (number) => fixed(number, decimals);
  const off = (a, b) => (write(a) === write(b) ? "just right"
    : `${write(Math.abs(a - b))} too ${a > b ? "high" : "low"}`);
  if (kind === "slider") return `${write(value)}: ${off(value, truth)}`;
  const name = (i) => (kind === "bars" ? `${words[i]} ` : "");
  return value.map((a, i) => `${name(i)}${write(a)} (${off(a, truth[i])})`).join(", ");
}

// What to say of a guess; nothing where the page does not show what was measured.
function guessed({ view, words, measured }, value) {
  if (measured === null) return "";
  const said = compared(view, words, value, measured.value);
  return escaped(`Measured: ${measured.words}. You guessed ${said}.`);
}

function guessModel(data) {
  const { key, question, view, measured } = data;
  const item = `guesses:${key}`;
  const { kind, low, high, labels } = view;
  const inRange = (number) => typeof number === "number" && number >= low && number <= high;
  const fits = (value) => {
    if (kind === "choice") return labels.includes(value);
    if (kind === "slider") return inRange(value);
    return Array.isArray(value) && value.length === labels.length && value.every(inRange);
  };
  const shown = (sent) => {
    const value = kept(item).entries.at(-1)?.value;
    if (!fits(value)) return { value: null, known: "", sent };
    return { value, known: guessed(data, value), sent };
  };
  const put = (value, sent, show) => {
    if (!fits(value)) throw new Error(`guess '${question.id}': ${JSON.stringify(value)} does not fit.`);
    forget(item); // it takes the place of an earlier one
    const { id, notebook = "" } = question;
    add(item, { notebook, guess: id, value, measured: measured?.value ?? null, key }, question);
    show(shown(sent));
    return "Your guess is kept.";
  };
  const again = (show, { cleared }) => {
    forget(item);
    show({ ...shown(null), cleared: cleared + 1 });
    return "Your guess is forgotten.";
  };
  return pageModel({ ...view, ...shown(null) }, (message, show, now) =>
    (message.forget ? again(show, now) : put(message.guess, message.sent, show)));
}
