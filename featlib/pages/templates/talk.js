// Starts reveal.js for a talk: the room's guesses, light and dark, and the pace.
(() => {
  const room = new Map(); // what the room guessed, by the question's id

  function guessed(box) {
    const id = box.dataset.guess;
    const chosen = box.querySelector("input[type=radio]:checked");
    const sliders = [...box.querySelectorAll("input[type=range]")];
    const moved = sliders.filter((slider) => slider.dataset.moved);
    const words = moved.map((slider) => `${slider.dataset.part} ${slider.value}`.trim());
    room.set(id, chosen ? chosen.value : words.join(", "));
    for (const answer of document.querySelectorAll(".room")) {
      if (answer.dataset.answers !== id) continue;
      answer.hidden = !room.get(id);
      answer.textContent = `The room guessed: ${room.get(id)}`;
    }
  }

  for (const box of document.querySelectorAll(".guess")) {
    box.addEventListener("input", ({ target }) => {
      target.dataset.moved = "yes";
      const shown = target.parentElement.querySelector("output");
      if (shown) shown.textContent = target.value;
      guessed(box);
    });
  }

  // A remote control sends these keys; they turn the page even while a slider has the focus.
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".guess input")) return;
    const turn = { PageDown: "next", PageUp: "prev" }[event.key];
    if (!turn) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.blur();
    Reveal[turn]();
  }, true);

  const theme = new URLSearchParams(location.search).get("theme");
  const dark = (on) => document.documentElement.classList.toggle("dark", on);
  dark(theme === "dark");

  // The clock begins with the first page that is turned. The bar of a page turns orange once the
  // talk is a minute behind its plan.
  let began = 0;
  function pace({ currentSlide }) {
    began ||= Date.now();
    const [planned] = currentSlide.querySelector(".clock").textContent.match(/[\d.]+/);
    const late = (Date.now() - began) / 60_000 > Number(planned) + 1;
    currentSlide.classList.toggle("late", late);
  }

  async function start() {
    await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
    for (const body of document.querySelectorAll(".body")) {
      const shown = [...body.querySelectorAll("img")];
      const wide = shown.every((image) => image.naturalWidth > 2.5 * image.naturalHeight);
      body.classList.toggle("stacked", wide && shown.length > 1);
    }
    await Reveal.initialize({
      width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: false,
      progress: false,
      transition: "none", backgroundTransition: "none", controlsTutorial: false,
      navigationMode: "linear", pdfSeparateFragments: false, plugins: [RevealNotes],
      keyboard: { 68: () => dark(!document.documentElement.classList.contains("dark")) },
    });
    Reveal.on("slidechanged", pace);
    document.body.dataset.ready = "yes";
  }
  start();
})();
