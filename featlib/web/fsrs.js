// When a flashcard is due, as the library `fsrs` works it out with its default parameters and without
// a random part (https://github.com/open-spaced-repetition/free-spaced-repetition-scheduler). Times
// are in seconds.

const RATINGS = ["again", "hard", "good", "easy"];
const MINUTE = 60, DAY = 86400;
const STEPS = [1 * MINUTE, 10 * MINUTE]; // of what is learned
const STEPS_AGAIN = [10 * MINUTE]; // of what was forgotten
const LONGEST = 36500; // days
const EARLIEST = 0, LATEST = Date.UTC(2900, 0, 1) / 1000; // a clock may be wrong

const W = FSRS; // the parameters
const DECAY = -W[20];
const FACTOR = 0.9 ** (1 / DECAY) - 1;
const within = (number, low, high) => Math.min(Math.max(number, low), high);

const firstDifficulty = (grade) => W[4] - Math.E ** (W[5] * (grade - 1)) + 1;

function nextDifficulty(difficulty, grade) {
  const change = ((10 - difficulty) * -(W[6] * (grade - 3))) / 9;
  return within(W[7] * firstDifficulty(4) + (1 - W[7]) * (difficulty + change), 1, 10);
}

function sameDay(stability, grade) {
  const growth = Math.E ** (W[17] * (grade - 3 + W[18])) * stability ** -W[19];
  return stability * (grade > 1 ? Math.max(growth, 1) : growth);
}

function later({ stability, difficulty }, days, grade) {
  const known = (1 + (FACTOR * Math.max(0, days)) / stability) ** DECAY;
  if (grade === 1) {
    const long = W[11] * difficulty ** -W[12] * ((stability + 1) ** W[13] - 1)
      * Math.E ** ((1 - known) * W[14]);
    return Math.min(long, stability / Math.E ** (W[17] * W[18]));
  }
  return stability * (1 + Math.E ** W[8] * (11 - difficulty) * stability ** -W[9]
    * (Math.E ** ((1 - known) * W[10]) - 1)
    * (grade === 2 ? W[15] : 1) * (grade === 4 ? W[16] : 1));
}

function wholeDays(stability) {
  const days = (stability / FACTOR) * (0.9 ** (1 / DECAY) - 1);
  return within(Math.round(days), 1, LONGEST);
}

// A card after a review. Its `step` is null once it is learned; `steps` are those that it is in.
function rate(card, rating, time) {
  const grade = RATINGS.indexOf(rating) + 1;
  const now = within(Math.round(time * 1e6) / 1e6, EARLIEST, LATEST);
  let stability, difficulty;
  if (card) {
    const days = Math.floor(Math.round((now - card.last) * 1e6) / (DAY * 1e6));
    stability = days < 1 ? sameDay(card.stability, grade) : later(card, days, grade);
    difficulty = nextDifficulty(card.difficulty, grade);
  } else {
    stability = W[grade - 1];
    difficulty = within(firstDifficulty(grade), 1, 10);
  }
  const next = { stability: Math.max(stability, 0.001), difficulty, last: now };
  const { step, steps } = card ?? { step: 0, steps: STEPS };
  const learned = () =>
    ({ ...next, step: null, steps, due: now + wholeDays(next.stability) * DAY });
  const at = (place, which, wait = which[place]) =>
    ({ ...next, step: place, steps: which, due: now + wait });
  if (grade === 1) return step === null ? at(0, STEPS_AGAIN) : at(0, steps);
  if (step === null || grade === 4) return learned();
  if (grade === 3) return step + 1 === steps.length ? learned() : at(step + 1, steps);
  const half = steps.length === 1 ? steps[0] * 1.5 : (steps[0] + steps[1]) / 2;
  return step === 0 ? at(0, steps, half) : at(step, steps);
}

// The cards by their ids, of reviews that are listed oldest first.
function schedule(reviews) {
  const cards = new Map();
  for (const { card, rating, time } of reviews)
    cards.set(card, rate(cards.get(card), rating, time));
  return cards;
}
