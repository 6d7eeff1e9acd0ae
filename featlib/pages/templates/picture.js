// From a file, or what a camera sees, to what the network takes, as Pillow and PyTorch do it.

const UNIT = 2 ** 22; // what Pillow counts as a weight of 1
const LARGEST = 16e6; // pixels: iOS draws on no larger canvas; of larger pictures a smaller copy is made

// Decode a file into an ImageData, upright, with what is transparent laid on white.
async function decodedPicture(file) {
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options);
  try {
    return drawnPicture(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

// Take what the page can draw, such as a video, as an ImageData.
function drawnPicture(source, width, height) {
  const shrink = Math.min(1, Math.sqrt(LARGEST / (width * height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * shrink));
  canvas.height = Math.max(1, Math.round(height * shrink));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // below what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// Crop the middle and scale it: from an ImageData to size × size pixels, red green blue each.
function squarePicture({ data, width, height }, size) {
  const pixels = new Uint8ClampedArray(width * height * 3);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    pixels[j++] = data[i];
    pixels[j++] = data[i + 1];
    pixels[j++] = data[i + 2];
  }
  return scaled(pixels, width, height, size, true);
}

// From square pixels to planes 3×S×S, centered and scaled as the network's weights want it; `size`
// is S, at which the network sees them.
function preparedPicture(pixels, { size, mean, std }) {
  const side = Math.round(Math.sqrt(pixels.length / 3));
  const seen = size === side ? pixels : scaled(pixels, side, side, size, false);
  const planes = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel += 1)
    for (let i = 0; i < size * size; i += 1)
      planes[channel * size * size + i] = (seen[3 * i + channel] / 255 - mean[channel]) / std[channel];
  return planes;
}

// For each new pixel of a line: the first old one that counts, and the weights of those from there
// on. Of a line of old pixels its middle is taken. Pillow's BILINEAR, which PyTorch calls antialias.
function scaling(length, middle, size, whole) {
  const factor = middle / size;
  const reach = Math.max(factor, 1);
  return Array.from({ length: size }, (_, i) => {
    const center = (length - middle) / 2 + (i + 0.5) * factor;
    const first = Math.max(0, Math.floor(center - reach));
    const last = Math.min(length, Math.ceil(center + reach));
    const weights = [];
    for (let j = first; j < last; j += 1)
      weights.push(Math.max(0, 1 - Math.abs(j + 0.5 - center) / reach));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [first, weights.map((w) => (whole ? Math.floor((w / total) * UNIT + 0.5) : w / total))];
  });
}

// Scale one axis of pixels, three numbers each. `step` and `across`: how far apart in the array two
// pixels along this axis, and two lines of it, are.
function scaleAxis(from, lines, across, step, weights, whole) {
  const size = weights.length;
  const vertical = step > across;
  const to = new (whole ? Uint8ClampedArray : Float64Array)(lines * size * 3);
  for (let line = 0; line < lines; line += 1)
    for (let i = 0; i < size; i += 1) {
      const [first, row] = weights[i];
      const at = 3 * (vertical ? i * lines + line : line * size + i);
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = whole ? UNIT / 2 : 0;
        let place = line * across + first * step + channel;
        for (let j = 0; j < row.length; j += 1, place += step) sum += from[place] * row[j];
        to[at + channel] = whole ? Math.floor(sum / UNIT) : sum;
      }
    }
  return to;
}

// Crop the middle and scale, in the order in which Pillow does it: it rounds in between.
function scaled(pixels, width, height, size, whole) {
  const middle = Math.min(width, height);
  const along = scaling(width, middle, size, whole);
  const down = scaling(height, middle, size, whole);
  if (whole && height > size && height + size > 2 * middle) {
    const low = scaleAxis(pixels, width, 3, 3 * width, down, whole);
    return scaleAxis(low, size, 3 * width, 3, along, whole);
  }
  const narrow = scaleAxis(pixels, height, 3 * width, 3, along, whole);
  return scaleAxis(narrow, size, 3, 3 * size, down, whole);
}
