// A class: its name, its pictures, and what is missing yet.

const pictures = (n) => (n === 0 ? "no pictures yet" : n === 1 ? "1 picture" : `${n} pictures`);
const ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff,.ppm";
const MORE = ["", "one more", "two more"];

// Make a label that looks like a button, and opens the choice of files.
function fileButton(words, name, attributes, take) {
  const input = element("input", {
    type: "file", class: "fq-hidden", "aria-label": name, ...attributes,
    onkeydown: (event) => { // not all browsers take Enter as they take the space bar
      if (event.key !== "Enter") return;
      event.preventDefault();
      input.click();
    },
    onchange: () => {
      const files = [...input.files];
      input.value = ""; // so that the same file can be chosen again
      if (files.length) take(files);
    },
  });
  return element("label", { class: "fq-button" }, words, input);
}

// A row of a list of classes, with a bar as long as its share.
function shareBar([name, share]) {
  const bar = element("span", { class: "fq-bar" });
  bar.style.setProperty("--share", share);
  return element("li", {}, element("span", {}, name), bar, element("span", {}, `${Math.round(100 * share)}%`));
}

// Let files be dropped on a place. What else is dropped, such as a link, is taken as no files: the
// browser would leave the page for it. Words go into a field.
function dropPlace(place, take) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const isForField = (event) => !hasFiles(event) && event.target.type === "text";
  const mark = (on) => place.classList.toggle("fq-over", on);
  const over = (event) => {
    if (isForField(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(hasFiles(event) && (event.type !== "dragleave" || place.contains(event.relatedTarget)));
  };
  for (const type of ["dragenter", "dragover", "dragleave"]) place.addEventListener(type, over);
  place.addEventListener("drop", (event) => {
    if (isForField(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    take(dropped(event.dataTransfer));
  });
}

// Return the files of a paste; none where it is words that go into a field. Office programs put a
// picture of the words beside them.
function pasted({ clipboardData, target }) {
  const isText = target.type === "text" && clipboardData?.types.includes("text/plain");
  return isText ? [] : [...(clipboardData?.files ?? [])];
}

// Make the thumbnails: one stop of the Tab key, then arrow keys; Enter or Delete removes one.
function makeThumbnails(remove) {
  const buttons = new Map(); // by the picture's number
  const list = element("div", { class: "fq-thumbs", role: "group" });
  const choose = (button) => {
    for (const other of buttons.values()) other.tabIndex = other === button ? 0 : -1;
  };
  list.addEventListener("keydown", (event) => {
    const all = [...list.children], at = all.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") event.target.click();
    else if (all[to]) all[to].focus();
    else return;
    event.preventDefault();
  });
  list.addEventListener("focusin", (event) => choose(event.target));
  const add = (number, name) => {
    const button = element("button", {
      type: "button", "aria-label": `Remove ${name}`, title: name, onclick: () => remove(number),
    }, element("img", { alt: "", draggable: "false" }), element("span", { "aria-hidden": "true" }, "×"));
    buttons.set(number, button);
    return button;
  };
  // Show these pictures; what is there already stays as it is.
  const draw = (shown, thumbnails) => {
    const kept = new Set(shown.map(([number]) => number));
    for (const [number, button] of buttons) {
      if (kept.has(number)) continue;
      const next = button.nextElementSibling ?? button.previousElementSibling;
      if (button === button.getRootNode().activeElement) next?.focus();
      else if (button.tabIndex === 0 && next) next.tabIndex = 0;
      button.remove();
      buttons.delete(number);
    }
    for (const [number, name] of shown) {
      if (!buttons.has(number)) list.append(add(number, name));
      const image = buttons.get(number).firstChild, source = thumbnails.get(number);
      if (source && image.src !== source) image.src = source;
    }
    const all = [...buttons.values()];
    choose(all.find(({ tabIndex }) => tabIndex === 0)); // a new one has 0, too
    list.hidden = !all.length;
  };
  return { list, draw };
}

function makeClass({ number, prefix, act }) {
  const which = `class ${number + 1}`;
  const name = element("input", {
    type: "text", id: `${prefix}-${number}`, maxlength: 40, autocomplete: "off",
    onfocus: () => name.select(),
    oninput: () => act.rename(number, name.value),
  });
  const count = element("span", { class: "fq-count" });
  const missing = element("span", { class: "fq-missing" });
  const choose = fileButton("Choose pictures", `Choose pictures of ${which}`,
    { multiple: true, accept: ACCEPT }, (files) => act.upload(number, files));
  const burst = holdButton("Hold to take pictures", (calls) => act.take(number, calls === 0), act.took);
  const look = element("button", {
    type: "button", "aria-label": `Use the camera for ${which}`,
    onclick: () => act.useCamera(card, [burst], look, () => burst.focus()),
  }, "Use the camera");
  const empty = element("button", {
    type: "button", "aria-label": `Remove all pictures of ${which}`,
    onclick: () => act.clear(number, name),
  }, "Remove all");
  const drop = element("button", {
    type: "button", "aria-label": `Remove ${which}`, onclick: () => act.drop(number),
  }, "Remove the class");
  const thumbs = makeThumbnails(act.remove);
  const refused = element("ul", { class: "fq-refused" });
  const ok = element("button", {
    type: "button", "aria-label": `Close what was said of ${which}`,
    onclick: () => act.dismiss(number, name),
  }, "Close");
  const faults = element("div", { class: "fq-faults", "aria-live": "polite" }, refused, ok);
  const card = element("div", { class: "fq-class", role: "group", "aria-label": `Class ${number + 1}: pictures` },
    element("div", { class: "fq-head" },
      element("label", { for: name.id }, `Class ${number + 1}`), name,
      element("span", {}, count, " ", missing)),
    element("div", { class: "fq-controls" }, choose, look, empty, drop),
    thumbs.list, faults);
  dropPlace(card, (files) => act.dropped(number, files));
  card.addEventListener("focusin", () => act.chose(number));

  const draw = (view, thumbnails, several) => {
    // What is being typed is never overwritten.
    if (name !== name.getRootNode().activeElement) name.value = view.name;
    count.textContent = pictures(view.pictures.length);
    missing.textContent = view.missing ? `${MORE[view.missing]} needed` : "";
    thumbs.list.setAttribute("aria-label", `Pictures of ${view.name || which}`);
    thumbs.draw(view.pictures, thumbnails);
    empty.hidden = !view.pictures.length;
    drop.hidden = !several;
    if (refused.childElementCount !== view.refused.length) // said again, if it is set again
      refused.replaceChildren(...view.refused.map((words) => element("li", {}, words)));
    faults.hidden = !view.refused.length;
  };
  return { card, draw, name, burst };
}
