// What `observe` and `loss_text` of featlib/head.py say of the numbers of an epoch.

const DIVERGED = 10; // times the loss of guessing
const LEARNED = 0.001; // nats

const digits = (number, decimals) => fixed(number, decimals).replaceAll(",", "");
const percent = (share) => `${digits(100 * share, 0)}%`;

function lossText(loss) {
  if (loss < 1000) return digits(loss, 3);
  if (!Number.isFinite(loss)) return Number.isNaN(loss) ? "nan" : "inf";
  const [, first, rest, power] = /^(\d)\.(\d+)e\+(\d+)$/.exec(loss.toExponential(60));
  const half = /^50*$/.test(rest); // Python writes the even digit then
  const up = half ? Number(first) % 2 : rest >= "5";
  const digit = Number(first) + (up ? 1 : 0);
  return digit === 10 ? `1e+${pad(Number(power) + 1)}` : `${digit}e+${pad(power)}`;
}

const pad = (power) => String(power).padStart(2, "0");

// `before` is the epoch before, if there is one; `unseen` the validation accuracy, or null.
function observe(before, loss, accuracy, unseen, classes) {
  const guessing = Math.log(classes);
  if (!(loss <= DIVERGED * guessing))
    return `diverged: guessing has a loss of ${digits(guessing, 1)}, this ${lossText(loss)}; `
      + "lower the learning rate or the weight decay";
  if (!before)
    return `${digits(accuracy * classes, 1)} times as many right as by guessing (1 in ${classes})`;
  if (Math.max(before.loss, loss) < LEARNED) return "nothing left to learn from these images";
  if (!Number.isFinite(before.loss)) return `the loss is a number again: ${lossText(loss)}`;
  const fall = (before.loss - loss) / Math.max(before.loss, LEARNED);
  if (fall < -0.005) // less shows as 0%
    return `loss rose by ${percent(-fall)}: the learning rate may be too high`;
  const gap = unseen === null ? 0 : accuracy - unseen;
  if (gap > 0.1 && before.val_accuracy !== null && unseen <= before.val_accuracy)
    return `validation stands still, ${digits(100 * gap, 1)} points behind: `
      + "the head starts to memorize";
  if (fall > 0.25) return `big step: loss falls by ${percent(fall)}`;
  if (fall > 0.1) return `steady gain: loss falls by ${percent(fall)}`;
  return `leveling off: loss falls by only ${percent(Math.max(fall, 0))}`;
}
