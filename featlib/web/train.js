// What featlib/head.py does: it trains one linear layer, with the first weights, the batches and the
// steps that PyTorch would take. Numbers are kept as float32, as PyTorch keeps them. A matrix is a
// Float32Array, row after row.

const RECIPE = { epochs: 5, batch_size: 32, learning_rate: 0.002, weight_decay: 0.01, seed: 0 };

// Train a head on `features`, N×D, with `labels`, N class numbers below `classes`; `validation` holds
// features and labels to measure on. Return its weights, C×D, its biases, and a row for each epoch;
// null if the training diverges until the loss is no number. Between epochs the page gets its turn.
async function trainHead({ features, labels, classes, validation = null }, settings = {}) {
  const recipe = { ...RECIPE, ...settings };
  const n = labels.length, width = features.length / n;
  const mean = columnMeans(features, width);
  const rows = less(features, mean), std = commonStd(rows);
  const scale = (x) => { for (let i = 0; i < x.length; i++) x[i] /= std; return x; };
  const seen = { rows: scale(rows), labels };
  const unseen = validation
    && { rows: scale(less(validation.features, mean)), labels: validation.labels };
  const head = newHead(width, classes, recipe.seed);
  const order = torchRandom(recipe.seed), step = adamw(head.parameters, recipe);
  const epochs = [];
  for (let epoch = 1; epoch <= recipe.epochs; epoch++) {
    if (epoch > 1) await new Promise((resolve) => setTimeout(resolve));
    pass(head, seen, order.permutation(n), Math.min(recipe.batch_size, n), step);
    const { loss, accuracy } = measure(head, seen);
    if (!Number.isFinite(loss)) return null;
    const val_accuracy = unseen ? measure(head, unseen).accuracy : null;
    const observation = observe(epochs.at(-1), loss, accuracy, val_accuracy, classes);
    epochs.push({ epoch, loss, accuracy, val_accuracy, observation });
  }
  return { ...merged(head, mean, std), epochs };
}

function columnMeans(x, width) {
  const sums = new Float64Array(width), n = x.length / width;
  for (let start = 0; start < x.length; start += width)
    for (let d = 0; d < width; d++) sums[d] += x[start + d];
  return Float32Array.from(sums, (sum) => sum / n);
}

function less(x, mean) {
  const found = new Float32Array(x.length), width = mean.length;
  for (let start = 0; start < x.length; start += width)
    for (let d = 0; d < width; d++) found[start + d] = x[start + d] - mean[d];
  return found;
}

// Of all numbers together.
function commonStd(x) {
  let sum = 0, squares = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = sum / x.length;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  return Math.fround(Math.max(Math.sqrt(squares / x.length), 1e-6));
}

// Weights, C×D, and biases, as torch.nn.Linear begins with them; both are parts of `parameters`.
function newHead(width, classes, seed) {
  const random = torchRandom(seed), bound = 1 / Math.sqrt(width);
  const parameters = new Float32Array(classes * (width + 1));
  const weight = parameters.subarray(0, classes * width);
  const bias = parameters.subarray(classes * width);
  weight.set(random.uniform(weight.length, bound));
  bias.set(random.uniform(classes, bound));
  return { parameters, weight, bias, width, classes };
}

function pass(head, { rows, labels }, order, most, step) {
  const { width, classes } = head;
  const gradients = new Float32Array(head.parameters.length);
  const weight = gradients.subarray(0, classes * width), bias = gradients.subarray(classes * width);
  const batch = new Float32Array(most * width), turned = new Float32Array(most * width);
  for (let start = 0; start < order.length; start += most) {
    const chosen = order.subarray(start, start + most), size = chosen.length;
    for (let b = 0; b < size; b++) {
      const from = chosen[b] * width;
      batch.set(rows.subarray(from, from + width), b * width);
    }
    for (let d = 0; d < width; d++)
      for (let b = 0; b < size; b++) turned[d * size + b] = batch[b * width + d];
    const errors = new Float32Array(classes * size); // of the logits, C×B
    const logits = logitsOf(head, batch, size);
    for (let b = 0; b < size; b++) {
      const { highest, sum } = softmaxOf(logits, b * classes, classes);
      for (let c = 0; c < classes; c++) {
        const share = Math.exp(logits[b * classes + c] - highest) / sum;
        errors[c * size + b] = (share - (c === labels[chosen[b]] ? 1 : 0)) / size;
      }
    }
    products(errors, classes, turned, width, size, weight);
    for (let c = 0; c < classes; c++)
      bias[c] = errors.subarray(c * size, (c + 1) * size).reduce((sum, error) => sum + error, 0);
    step(gradients);
  }
}

function logitsOf({ weight, bias, width, classes }, rows, n) {
  const logits = new Float32Array(n * classes);
  products(rows, n, weight, classes, width, logits);
  for (let i = 0; i < logits.length; i++) logits[i] += bias[i % classes];
  return logits;
}

// Softmax is exp(logit − highest) / sum.
function softmaxOf(logits, start, classes) {
  let best = 0, sum = 0;
  for (let c = 1; c < classes; c++) if (logits[start + c] > logits[start + best]) best = c;
  const highest = logits[start + best];
  for (let c = 0; c < classes; c++) sum += Math.exp(logits[start + c] - highest);
  return { best, highest, sum };
}

function measure(head, { rows, labels }) {
  const { classes } = head, n = labels.length, logits = logitsOf(head, rows, n);
  let loss = 0, right = 0;
  for (let i = 0; i < n; i++) {
    const { best, highest, sum } = softmaxOf(logits, i * classes, classes);
    loss += Math.log(sum) + highest - logits[i * classes + labels[i]];
    right += best === labels[i] ? 1 : 0;
  }
  return { loss: Math.fround(loss / n), accuracy: Math.fround(right / n) };
}

// A function that takes gradients and moves the parameters, as torch.optim.AdamW does (Loshchilov and
// Hutter, 2019, arXiv:1711.05101).
function adamw(parameters, { learning_rate, weight_decay }) {
  const [fast, slow, tiny] = [0.9, 0.999, 1e-8];
  const means = new Float32Array(parameters.length), squares = new Float32Array(parameters.length);
  const kept = 1 - learning_rate * weight_decay;
  let steps = 0;
  return (gradients) => {
    steps += 1;
    const rate = learning_rate / (1 - fast ** steps), root = Math.sqrt(1 - slow ** steps);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradients[i];
      means[i] += (g - means[i]) * (1 - fast);
      squares[i] = squares[i] * slow + g * g * (1 - slow);
      parameters[i] = parameters[i] * kept
        - (rate * means[i]) / (Math.sqrt(squares[i]) / root + tiny);
    }
  };
}

// The head for features that are not centered and scaled: W((x − mean) / std) + b.
function merged({ weight, bias, width }, mean, std) {
  const plain = weight.map((w) => w / std);
  const shifted = bias.map((b, c) => {
    for (let d = 0; d < width; d++) b -= plain[c * width + d] * mean[d];
    return b;
  });
  return { weight: plain, bias: shifted };
}

// The scalar products of all rows of `a` with all rows of `b`, of `length` numbers each. Two by five
// at once, since to read a number takes as long as to multiply it; at an edge, the last is done again.
function products(a, rows, b, columns, length, out) {
  for (let r = 0; r < rows; r += 2) {
    const r1 = Math.min(r + 1, rows - 1), a0 = r * length, a1 = r1 * length;
    for (let c = 0; c < columns; c += 5) {
      const last = columns - 1, { min } = Math;
      const c1 = min(c + 1, last), c2 = min(c + 2, last), c3 = min(c + 3, last), c4 = min(c + 4, last);
      const b0 = c * length, b1 = c1 * length, b2 = c2 * length, b3 = c3 * length, b4 = c4 * length;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s04 = 0;
      let s10 = 0, s11 = 0, s12 = 0, s13 = 0, s14 = 0;
      for (let i = 0; i < length; i++) {
        const x = a[a0 + i], y = a[a1 + i];
        const w0 = b[b0 + i], w1 = b[b1 + i], w2 = b[b2 + i], w3 = b[b3 + i], w4 = b[b4 + i];
        s00 += x * w0; s01 += x * w1; s02 += x * w2; s03 += x * w3; s04 += x * w4;
        s10 += y * w0; s11 += y * w1; s12 += y * w2; s13 += y * w3; s14 += y * w4;
      }
      const o = r * columns, p = r1 * columns;
      out[o + c] = s00; out[o + c1] = s01; out[o + c2] = s02; out[o + c3] = s03; out[o + c4] = s04;
      out[p + c] = s10; out[p + c1] = s11; out[p + c2] = s12; out[p + c3] = s13; out[p + c4] = s14;
    }
  }
}
