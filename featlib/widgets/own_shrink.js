// Pictures are made small here, before they are sent: of a photograph of 20 MB go about 50 kB.

const LONGEST = 512; // pixels of the longest side
const SMALL = 200_000; // bytes; such a file goes as it is

// Draw a picture or a video's frame, and return it as a JPEG. A canvas is in sRGB.
function asJpeg(source, width, height) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const canvas = element("canvas", {
    width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)),
  });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // transparency is laid on white, as Python does
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
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
      return await asJpeg(picture, picture.width, picture.height);
    } finally {
      picture.close();
    }
  } catch {
    return file; // such as HEIC: Python reads it, or says why not
  }
}
