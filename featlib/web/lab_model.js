// What featlib/widgets/lab.py does when a slider is moved: it trains a head, and shows its run beside
// the run before. What a head can be trained on are blocks (lab_data.py).

const labInputs = new Map(); // promises of the inputs, by their names
const labFollowers = []; // functions of the values of the run that is shown; null without a curve

function labInput(name, n, form) {
  if (!labInputs.has(name)) {
    const found = block(form.block).then((bytes) => rowsOf(bytes, n, form));
    found.then(() => releaseBlock(form.block), () => labInputs.delete(name)); // to try again
    labInputs.set(name, found);
  }
  return labInputs.get(name);
}

function labModel({ view, labels, classes, train, validation, diverged, inputs }) {
  // The first training pictures of each class, in the order of all.
  const first = (count) => {
    const taken = new Uint32Array(classes);
    return train.filter((row) => (taken[labels[row]] += 1) <= count);
  };
  return pageModel(view, async ({ settings, sent }, show, { run, before }) => {
    const { features, per_class, ...recipe } = settings;
    if (!labInputs.has(features))
      show({ words: `Loading what the head is trained on: ${features} …` });
    const rows = await labInput(features, labels.length, inputs[features]);
    const of = (chosen) => ({
      features: gathered(rows, inputs[features].width, chosen),
      labels: chosen.map((row) => labels[row]),
    });
    const chosen = first(per_class);
    const found = await trainHead({ ...of(chosen), classes, validation: of(validation) }, recipe);
    const column = (name) => (found ? found.epochs.map((epoch) => epoch[name]) : []);
    const values = found && runValues(found.epochs.at(-1), chosen.length, validation.length);
    labFollowers.forEach((follower) => follower(values));
    show({
      settings,
      run: {
        loss: column("loss"), accuracy: column("accuracy"), val_accuracy: column("val_accuracy"),
      },
      before: run.loss.length ? run : before, // the last one that has a curve
      words: found
        ? runInWords(found.epochs.at(-1), chosen.length, classes, features) : diverged,
      sent,
    });
    return "";
  });
}

function rowsOf(bytes, n, { width, step, no_change }) {
  const count = n * width, rows = new Float32Array(count);
  const end = 256 ** (bytes.length / count); // numbers begin again from here
  for (let i = 0, before = 0; i < count; i++) {
    let number = 0;
    for (let at = i, place = 1; at < bytes.length; at += count, place *= 256)
      number += bytes[at] * place;
    if (no_change !== null) {
      number = ((i % width ? before : 0) + number - no_change + end) % end;
      before = number;
    }
    rows[i] = number * step;
  }
  return rows;
}

function gathered(rows, width, chosen) {
  const found = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => found.set(rows.subarray(row * width, (row + 1) * width), i * width));
  return found;
}

// What can be read of a run, as `LabWidget.values` has it.
function runValues({ accuracy, val_accuracy }, trained, unseen) {
  return {
    gap_points: 100 * (accuracy - val_accuracy),
    right_in_training: accuracy * trained,
    right_in_validation: val_accuracy * unseen,
    wrong_in_training: (1 - accuracy) * trained,
    wrong_in_validation: (1 - val_accuracy) * unseen,
  };
}

function runInWords({ loss, accuracy, val_accuracy, observation }, n, classes, features) {
  const said = observation[0].toUpperCase() + observation.slice(1);
  return `${n} images of ${classes} classes, ${features}: loss ${lossText(loss)}, `
    + `training accuracy ${digits(accuracy, 3)}, validation accuracy ${digits(val_accuracy, 3)}. `
    + `${said}.`;
}
