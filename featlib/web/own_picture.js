// Reads a picture of the learner's own, as featlib/engine/decode.py does as far as a browser can.

const SMALLEST_SIDE = 8; // pixels; below this there is no picture to speak of
const LARGEST_FILE = 200_000_000; // bytes
const PICTURE_KINDS = [ // as they are called in messages, and how their files begin
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["JPEG", /^\xff\xd8\xff/],
  ["WEBP", /^RIFF[^]{4}WEBP/],
  ["GIF", /^GIF8[79]a/],
  ["BMP", /^BM/],
  ["TIFF", /^(?:II[*+]\0|MM\0[*+])/],
  ["AVIF", /^[^]{4}ftypavi[fs]/],
  ["HEIC", /^[^]{4}ftyp(?:hei|hev|mif1|msf1)/],
  ["PPM", /^P[0-7fy]/],
];
const NOT_EVERYWHERE = ["TIFF", "AVIF", "HEIC", "PPM"]; // kinds that many browsers cannot read
const KINDS_READ = `${PICTURE_KINDS.slice(0, -1).map(([kind]) => kind).join(", ")} or PPM`;

// What is wrong with what a learner gave.
class RefusedError extends Error {}

const messageOf = (where, wanted, got, fix) => `${where}: wanted ${wanted}, got ${got}. ${fix}`;

function refuseGiven(...words) {
  throw new RefusedError(messageOf(...words));
}

function kindOfPicture(content) {
  const head = String.fromCharCode(...new Uint8Array(content.slice(0, 16)));
  const found = PICTURE_KINDS.find(([, begins]) => begins.test(head));
  if (!found) throw new RefusedError(`no ${KINDS_READ} picture`);
  return found[0];
}

// What a learner gave as a picture, decoded.
const readGiven = (where, name, content) => readPicture(content).catch((error) => {
  if (!(error instanceof RefusedError)) throw error;
  return refuseGiven(where, "a picture", `${name}: ${error.message}`, "Try another one.");
});

// What to say where the learner looks for the result.
const wordsOf = (error) =>
  (error instanceof RefusedError ? error.message : `That did not work: ${error.message}`);

// From the bytes of a file to an ImageData.
async function readPicture(content) {
  const kind = kindOfPicture(content);
  if (content.byteLength > LARGEST_FILE)
    throw new RefusedError(`too large: at most ${LARGEST_FILE / 1e6} MB are read`);
  const file = new Blob([content], { type: `image/${kind.toLowerCase()}` });
  const picture = await decodedPicture(file).catch(() => {
    throw new RefusedError(NOT_EVERYWHERE.includes(kind)
      ? `this browser cannot read ${kind}: save it as JPEG or PNG`
      : "damaged, or too large for this browser");
  });
  const { width, height } = picture;
  if (Math.min(width, height) < SMALLEST_SIDE)
    throw new RefusedError(`too small: ${width}×${height}, ${SMALLEST_SIDE}×${SMALLEST_SIDE} needed`);
  return picture;
}

// The address of a small JPEG of square pixels, for the `src` of an image.
function thumbnailOf(pixels, side = 72) {
  const size = Math.round(Math.sqrt(pixels.length / 3));
  const data = new Uint8ClampedArray(size * size * 4).fill(255);
  for (let i = 0, j = 0; j < pixels.length; i += 4, j += 3) data.set(pixels.subarray(j, j + 3), i);
  const whole = element("canvas", { width: size, height: size });
  whole.getContext("2d").putImageData(new ImageData(data, size, size), 0, 0);
  const small = element("canvas", { width: side, height: side });
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, side, side);
  return small.toDataURL("image/jpeg", 0.8);
}

// Text that is safe to show: a file's name may turn the direction of writing, for example.
const UNPRINTABLE =
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]/gu;
const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const printable = (text) => text.replace(UNPRINTABLE, (c) => {
  const code = c.charCodeAt(0).toString(16);
  return ESCAPES[c] ?? (code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`);
});
