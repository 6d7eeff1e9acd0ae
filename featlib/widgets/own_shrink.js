// Pictures are made small here, before they are sent: of a photograph of 20 MB go about 50 kB.

const LONGEST = 512; // pixels of the longest side
const SMALL = 200_000; // bytes; such a file goes as it is
const SMALLEST = 8; // pixels a side; what has less is refused, by the size that it came with

// Draw a picture or a video's frame, and return it as a JPEG. A canvas is in sRGB. The ends of what is
// longer than two squares are left out: the network sees the square in the middle, and a panorama
// made small as a whole would leave a few pixels of it.
function asJpeg(source, width, height) {
  const short = Math.min(width, height);
  const [wide, high] = [width, height].map((side) => Math.min(side, 2 * short));
  const scale = Math.min(1, LONGEST / Math.max(wide, high));
  const canvas = element("canvas", { width: Math.round(wide * scale), height: Math.round(high * scale) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // transparency is laid on white, as Python does
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - wide) / 2, (height - high) / 2, wide, high,
    0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob(
    (blob) => (blob ? resolve(blob) : reject(new Error("the browser makes no JPEG"))),
    "image/jpeg", 0.9));
}

// Return the small JPEG of a file; the file itself where the browser cannot decode it.
async function shrunk(file) {
  if (file.size <= SMALL || (file.type && !file.type.startsWith("image/"))) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    try {
      const tiny = Math.min(picture.width, picture.height) < SMALLEST;
      return tiny ? file : await asJpeg(picture, picture.width, picture.height);
    } finally {
      picture.close();
    }
  } catch {
    return file; // such as HEIC: Python reads it, or says why not
  }
}
