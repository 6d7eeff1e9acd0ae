// What featlib/widgets/own_pictures.py does: classes of pictures of the learner's own. They are in the
// memory of the page alone.

const OWN = "own pictures"; // how messages begin
const FEWEST = 2; // pictures a class: one to train on, one to validate on
const MOST_REFUSED = 100; // files that are named at most
const LONGEST_NAME = 40; // characters of a class's name
const PHOTOGRAPH = 224, THUMBNAIL = 128; // pixels a side at which pictures are read
const HELD_OUT = 0.2; // the share of each class

const cleanName = (name) =>
  [...printable(single(name))].slice(0, LONGEST_NAME).join("").replace(EDGES, "");
const samePixels = (a, b) => a.every((value, i) => value === b[i]);

// Like numpy.random.RandomState(seed).permutation(count).
function numpyPermutation(count, seed) {
  const { next } = torchRandom(seed); // the same generator
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j;
    do j = (next() & mask) >>> 0; while (j > i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Which pictures of a class are held out for validation; images.from_arrays chooses the same.
function heldOut(count) {
  const n = Math.min(Math.max(1, Math.round(HELD_OUT * count)), count - 1);
  return new Set(numpyPermutation(count, 0).slice(0, n));
}

// Square pixels made smaller by the means of areas, as PyTorch's mode "area" does.
function areaMeans(pixels, size) {
  const from = Math.round(Math.sqrt(pixels.length / 3));
  if (from === size) return pixels;
  const to = new Uint8ClampedArray(3 * size * size); // which rounds half to even, as PyTorch
  const edge = (i) => [Math.floor((i * from) / size), Math.ceil(((i + 1) * from) / size)];
  for (let y = 0; y < size; y += 1)
    for (let x = 0; x < size; x += 1) {
      const [top, bottom] = edge(y), [left, right] = edge(x);
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let row = top; row < bottom; row += 1)
          for (let column = left; column < right; column += 1)
            sum += pixels[3 * (row * from + column) + channel];
        to[3 * (y * size + x) + channel] = sum / ((bottom - top) * (right - left));
      }
    }
  return to;
}

// The size at which pictures are read: most decide.
function usualSize(sides) {
  const small = sides.filter((side) => side < PHOTOGRAPH / 2).length;
  return 2 * small > sides.length ? THUMBNAIL : PHOTOGRAPH;
}

// Two to ten classes of pictures, by numbers that are never given twice.
function ownPictures(most) {
  const classes = new Map();
  let classNumber = 0, pictureNumber = 0;
  const again = "Choose another.";
  const known = (number) => classes.get(number)
    ?? refuseGiven(OWN, `a class that is there: ${[...classes.keys()].join(", ")}`, `${number}`, again);
  const add = (name) => {
    if (classes.size >= most)
      refuseGiven(OWN, `at most ${most} classes`, "one more", "Remove another one first.");
    const number = classNumber;
    classNumber += 1;
    const named = cleanName(name) || `Class ${number + 1}`;
    classes.set(number, { name: named, pictures: new Map(), refused: [] });
    return number;
  };
  const rename = (number, name) => { known(number).name = cleanName(name); };
  const refuse = (number, name, why) => {
    const { refused } = known(number);
    const words = printable(`${[...name].slice(0, 100).join("")}: ${why}`);
    if (refused.length < MOST_REFUSED) refused.push(words);
  };
  // Read a picture into a class, and say whether it counts.
  const put = async (number, name, content) => {
    const { pictures } = known(number);
    try {
      const picture = await readPicture(content);
      const pixels = squarePicture(picture, PHOTOGRAPH);
      for (const one of classes.values()) {
        const twin = [...one.pictures.values()].find((other) => samePixels(other.pixels, pixels));
        const where = one.pictures === pictures ? "" : ` in ${one.name || "another class"}`;
        if (twin) throw new RefusedError(`same picture as ${twin.name}${where}`);
      }
      const side = Math.min(picture.width, picture.height);
      pictures.set(pictureNumber, { name: printable(name), pixels, side, rows: new Map() });
      pictureNumber += 1;
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refuse(number, name, error.message);
      return false;
    }
  };
  const remove = (picture) => classes.forEach(({ pictures }) => pictures.delete(picture));
  const clear = (number) => {
    known(number).pictures.clear();
    known(number).refused = [];
  };
  const drop = (number) => {
    if (classes.has(number) && classes.size <= 2) {
      const fix = "Give it another name, or add a class first.";
      refuseGiven(OWN, "at least two classes", "one to be removed", fix);
    }
    clear(number);
    classes.delete(number);
  };
  const dismiss = (number) => { known(number).refused = []; };
  const picture = (number) =>
    [...classes.values()].map(({ pictures }) => pictures.get(number)).find(Boolean);
  const missing = ({ pictures }) => Math.max(0, FEWEST - pictures.size);
  const view = () => ({
    classes: [...classes].map(([number, one]) => ({
      number,
      name: one.name,
      pictures: [...one.pictures].map(([i, { name }]) => [i, name]),
      missing: missing(one),
      refused: [...one.refused],
    })),
  });
  // The classes that can be trained on; refuses too few, or names that are not clear.
  const used = () => {
    const numbered = [...classes].filter(([, { pictures }]) => pictures.size);
    const found = numbered.map(([, one]) => one);
    const names = found.map(({ name }) => name);
    const fix = "Add pictures to each class, and name it.";
    if (found.length < 2) refuseGiven(OWN, "pictures of two to ten classes", `${found.length}`, fix);
    const nameless = numbered.find(([, { name }]) => !name);
    if (nameless)
      refuseGiven(OWN, "a name for each class", `none for class ${nameless[0] + 1}`, "Name it.");
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice) refuseGiven(OWN, "another name for each class", `two called ${twice}`, "Change one.");
    const few = found.filter(missing).map(({ name }) => name);
    if (few.length) {
      const wanted = `at least ${FEWEST} pictures in each class`;
      refuseGiven(OWN, wanted, `1 in ${few.join(", ")}`, "Add one more there.");
    }
    return found;
  };
  add("");
  add("");
  return { add, rename, drop, dismiss, put, refuse, remove, clear, picture, view, used };
}

