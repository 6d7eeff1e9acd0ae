// What featlib/widgets/my_picture.py does with one picture, and what the lesson's head says of it. The
// picture is in the memory of the page alone.

const MINE = "my picture"; // how messages begin
const LARGEST_SIDE = 512; // pixels a side that are kept
const LESSON = 64; // pixels a side at which the lesson sees pictures
const LARGE = 192; // pixels a side of what is shown

// What the lesson's network makes of square pixels.
async function lessonFeatures(pixels, transform, tell) {
  const side = Math.round(Math.sqrt(pixels.length / 3));
  const small = scaled(pixels, side, side, LESSON, true);
  const featuresOf = await loadNetwork(tell);
  return featuresOf(preparedPicture(small, { ...transform, size: LESSON }));
}

function myPictureModel({ view, classes, head, transform }) {
  const bytes = Uint8Array.from(atob(head), (letter) => letter.charCodeAt(0));
  const layer = headOf(new Float32Array(bytes.buffer));
  const look = async (name, content, tell) => {
    const picture = await readGiven(MINE, [...name].slice(0, 100).join(""), content);
    const side = Math.min(picture.width, picture.height, LARGEST_SIDE);
    const pixels = squarePicture(picture, side);
    const shares = softmax(linear(await lessonFeatures(pixels, transform, tell), layer));
    const sure = Math.max(...shares), label = classes[shares.indexOf(sure)];
    return {
      src: thumbnailOf(pixels, LARGE),
      caption: "your picture",
      own: true,
      shares: classes.map((one, k) => [one, shares[k]]),
      words: `Your picture is taken. The lesson's head says ${label}, ${percent(sure)} sure.`,
    };
  };
  return pageModel(view, async (message, show, shown, [content]) => {
    if (message.cat) show({ ...view, words: "The cat is taken." });
    else
      try {
        show(await look(message.picture, content, (words) => show({ words })));
      } catch (error) {
        show({ words: printable(wordsOf(error)) });
      }
    return {};
  });
}
