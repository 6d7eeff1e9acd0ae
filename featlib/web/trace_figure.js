// One picture's way through the four layers, as `plots.prediction_trace` draws it.

const FIGURE = { width: 1200, half: 620, height: 400, top: 48, bottom: 350 }; // CSS pixels
const NARROW = 700; // a phone, in CSS pixels
const INK = "#222", AXIS = "#595959";
const HIGHEST = "#222222", LOWER = "#98907E"; // as plots/style.py has it
const VIRIDIS = [ // matplotlib's colors from the lowest value to the highest
  [68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137],
  [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];
const LONGEST_LABEL = 14; // letters
const COLUMNS = 16; // of the map of features

function traceFigure({ pixels, features, logits, shares, classes, label }) {
  const narrow = innerWidth < NARROW; // then two layers stand below the other two
  const width = narrow ? FIGURE.half : FIGURE.width, height = FIGURE.height * (narrow ? 2 : 1);
  const canvas = element("canvas", { width: 2 * width, height: 2 * height });
  const context = canvas.getContext("2d");
  context.scale(2, 2); // sharp on screens with more dots
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  const size = Math.round(Math.sqrt(pixels.length / 3));
  drawTitle(context, 20, "1 Input image");
  drawPixels(context, pixels, size, 20, FIGURE.top, 290, 290);
  drawWords(context, `${size}×${size} pixels`, 165, FIGURE.top + 314, "center");
  drawTitle(context, 350, `2 Feature extractor: ${features.length}`);
  drawFeatures(context, features, 350);
  if (narrow) context.translate(20 - 590, FIGURE.height);
  drawTitle(context, 590, "3 Linear layer");
  drawBars(context, classes.map((name, k) => [name, logits[k]]), 700, 240, "logit");
  drawTitle(context, 980, "4 Softmax");
  drawBars(context, classes.map((_, k) => ["", shares[k]]), 980, 190, "probability", [0, 1]);
  const alt = `Four layers of one prediction. The head says ${label}.`;
  return { src: canvas.toDataURL("image/png"), alt };
}

function drawWords(context, words, x, y, align = "left", font = "14px sans-serif") {
  Object.assign(context, { fillStyle: INK, font, textAlign: align, textBaseline: "middle" });
  context.fillText(words, x, y);
}

const drawTitle = (context, x, words) => drawWords(context, words, x, 24, "left", "600 16px sans-serif");

// Square pixels, red green blue each, as large squares.
function drawPixels(context, pixels, columns, x, y, width, height) {
  const rows = pixels.length / 3 / columns;
  const data = new Uint8ClampedArray(columns * rows * 4).fill(255);
  for (let i = 0, j = 0; j < pixels.length; i += 4, j += 3) data.set(pixels.subarray(j, j + 3), i);
  const whole = element("canvas", { width: columns, height: rows });
  whole.getContext("2d").putImageData(new ImageData(data, columns, rows), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(whole, x, y, width, height);
}

function drawFeatures(context, features, x) {
  const low = Math.min(...features), high = Math.max(...features);
  const colors = new Uint8ClampedArray(3 * features.length);
  const colorOf = (share) => {
    const at = share * (VIRIDIS.length - 1), before = Math.min(Math.floor(at), VIRIDIS.length - 2);
    return VIRIDIS[before].map((from, i) => from + (at - before) * (VIRIDIS[before + 1][i] - from));
  };
  features.forEach((value, i) => colors.set(colorOf((value - low) / (high - low || 1)), 3 * i));
  const height = FIGURE.bottom - FIGURE.top;
  drawPixels(context, colors, COLUMNS, x, FIGURE.top, height / 2, height);
  const scale = Uint8ClampedArray.from({ length: 300 }, (_, i) => colorOf(1 - Math.floor(i / 3) / 99)[i % 3]);
  const beside = x + height / 2 + 12;
  drawPixels(context, scale, 1, beside, FIGURE.top, 10, height);
  drawWords(context, fixed(high, 1), beside + 15, FIGURE.top + 7);
  drawWords(context, fixed(low, 1), beside + 15, FIGURE.bottom - 7);
}

// Bars with their names at the left of x.
function drawBars(context, named, x, width, unit, range) {
  const values = named.map(([, value]) => value), highest = Math.max(...values);
  const [low, high] = range ?? [Math.min(0, ...values), Math.max(0, ...values)];
  const at = (value) => x + (width * (value - low)) / (high - low || 1);
  const step = (FIGURE.bottom - FIGURE.top) / named.length, thick = Math.min(0.8 * step, 40);
  named.forEach(([name, value], i) => {
    const middle = FIGURE.top + (i + 0.5) * step;
    context.fillStyle = value === highest ? HIGHEST : LOWER;
    context.fillRect(Math.min(at(0), at(value)), middle - thick / 2, Math.abs(at(value) - at(0)), thick);
    const letters = [...name];
    const short = letters.length > LONGEST_LABEL ? `${letters.slice(0, LONGEST_LABEL - 1).join("")}…` : name;
    drawWords(context, short, x - 8, middle, "right");
  });
  context.fillStyle = AXIS;
  context.fillRect(at(0), FIGURE.top, 1, FIGURE.bottom - FIGURE.top);
  for (const value of new Set([low, 0, high]))
    drawWords(context, fixed(value, range ? 0 : 1), at(value), FIGURE.bottom + 12, "center");
  drawWords(context, unit, x + width / 2, FIGURE.bottom + 34, "center");
}
