// What a visitor has done, at the side and in tables; and that all regions have names of their own, and
// all that scrolls can be reached by keyboard. `PAGES`, before this, says what can be answered on each page.

(() => {
  const root = new URL(document.documentElement.dataset.content_root, location);
  const address = (name) => new URL(PAGES[name].href, root).href;
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // How many of a page's questions are right, and how many guesses were made.
  const standings = () => {
    const done = JSON.parse(featlib.exportProgress());
    const last = new Map(done.answers.map(({ key, correct }) => [key, correct]));
    const guessed = new Set(done.guesses.map(({ key }) => key));
    const rightOf = (keys) => keys.filter((key) => last.get(key)).length;
    return Object.entries(PAGES).map(([name, { title, answers, guesses, objectives }]) => ({
      name, title,
      objectives: Object.entries(objectives).map(([text, keys]) =>
        ({ text, all: keys.length, right: rightOf(keys) })),
      all: answers.length,
      tried: answers.filter((key) => last.has(key)).length,
      right: rightOf(answers),
      guesses: guesses.length,
      guessed: guesses.filter((key) => guessed.has(key)).length,
    }));
  };

  const count = (found) => {
    const links = new Map([...document.querySelectorAll(".sidebar-tree a.reference")]
      .map((link) => [link.href.split("#")[0], link]));
    for (const { name, all, tried, right } of found) {
      const link = links.get(address(name));
      link?.querySelector(".featlib-count")?.remove();
      if (!link || !tried) continue;
      link.append(make("span", `${right}/${all}`,
        { class: "featlib-count", title: `${right} of ${all} questions right` }));
    }
  };

  const sum = (found) => {
    const side = document.querySelector(".featlib-progress");
    if (!side) return;
    const total = (what) => found.reduce((all, page) => all + page[what], 0);
    const right = total("right"), all = total("all"), guessed = total("guessed");
    side.hidden = total("tried") + guessed === 0;
    side.querySelector(".featlib-sum").textContent =
      `${right} of ${all} questions right, ${guessed} of ${total("guesses")} guesses made`;
    side.querySelector("progress").value = all ? right / all : 0;
  };

  const unfolded = (objectives) => {
    if (!objectives.length) return "–";
    const place = make("details", ""), list = make("ul", "");
    const done = objectives.filter(({ all, right }) => right === all).length;
    place.append(make("summary", `${done} of ${objectives.length}`), list);
    for (const { text, all, right } of objectives) list.append(make("li", `${text} (${right} of ${all})`));
    return place;
  };

  const table = (found) => {
    const made = make("table", "");
    made.append(make("caption", "Your progress on these pages"));
    const row = (cells, tag) => {
      const line = made.insertRow();
      for (const cell of cells) {
        const place = make(tag, "");
        place.append(cell);
        line.append(place);
      }
    };
    row(["page", "questions right", "guesses made", "objectives"], "th");
    for (const { name, title, all, right, guesses, guessed, objectives } of found) {
      const link = make("a", title, { href: address(name) });
      const made = guesses ? `${guessed} of ${guesses}` : "–";
      row([link, `${right} of ${all}`, made, unfolded(objectives)], "td");
    }
    return made;
  };

  let drawn; // what was shown last: a table that is drawn anew folds its details
  const show = () => {
    const found = standings(), now = JSON.stringify(found);
    if (now === drawn) return;
    drawn = now;
    count(found);
    sum(found);
    for (const place of document.querySelectorAll(".featlib-standing")) place.replaceChildren(table(found));
  };

  const save = () => {
    const file = new Blob([featlib.exportProgress()], { type: "application/json" });
    const link = make("a", "", { href: URL.createObjectURL(file), download: "featlib-progress.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const reach = () => {
    for (const each of document.querySelectorAll(".highlight pre, .table-wrapper, .featlib-html, .featlib-standing"))
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
  };

  // Two guesses on a page have one name; who goes from region to region shall tell them apart.
  const number = () => {
    const seen = new Map();
    for (const region of document.querySelectorAll("section[aria-label], [role=region][aria-label]")) {
      const name = region.getAttribute("aria-label"), times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      if (times > 1) region.setAttribute("aria-label", `${name}, ${times}`);
    }
  };

  // On a narrow page two lists are opened by labels, which no keyboard reaches: buttons take their place.
  const press = () => {
    for (const label of document.querySelectorAll(".nav-overlay-icon, .toc-overlay-icon")) {
      const name = label.htmlFor === "__toc" ? "On this page" : "All pages";
      const button = make("button", "", { type: "button", class: label.className, "aria-label": name });
      const box = document.getElementById(label.htmlFor);
      const tell = () => button.setAttribute("aria-expanded", String(box.checked));
      box.addEventListener("change", tell);
      tell();
      button.append(...label.childNodes);
      button.addEventListener("click", () => box.click());
      label.replaceWith(button);
    }
  };

  const soon = () => setTimeout(show, 50); // after the widget has kept it
  const begin = () => {
    reach();
    number();
    press();
    document.addEventListener("click", soon);
    document.addEventListener("keyup", soon);
    addEventListener("storage", show);
    addEventListener("pageshow", ({ persisted }) => persisted && show()); // on the way back
    addEventListener("resize", reach);
    document.querySelector(".featlib-export")?.addEventListener("click", save);
    const field = document.querySelector(".featlib-search input");
    if (field) field.value = new URLSearchParams(location.search).get("q") ?? "";
    show(); // last: it needs the script of the widgets
  };
  // As the script of the widgets does, which was before.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
