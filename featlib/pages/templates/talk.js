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

  // A slider has the keys that move it, once somebody went to it by keyboard. All others, such as
  // those of a remote control, are the deck's; and a mouse leaves no focus behind.
  const own = /^(Arrow|Home|End|Tab|Shift)/;
  addEventListener("keydown", ({ key, target }) => {
    if (target.matches?.(".guess input") && !own.test(key)) target.blur();
  }, true);
  addEventListener("pointerup", () => {
    if (document.activeElement.matches(".guess input")) document.activeElement.blur();
  });

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

  // On a phone the pages stand below each other, as wide as it is, with words of its own size.
  // The speaker's view, and paper, show pages of the deck.
  const asDeck = window !== top || new URLSearchParams(location.search).has("print-pdf");
  const narrow = matchMedia(asDeck ? "not all" : "(max-width: 600px)");
  const size = () => (narrow.matches
    ? { width: innerWidth, height: innerHeight } : { width: 1280, height: 720 });

  function fit() {
    document.documentElement.classList.toggle("phone", narrow.matches);
    if (Reveal.isReady()) Reveal.configure(size());
  }

  async function start() {
    await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
    for (const body of document.querySelectorAll(".body")) {
      const shown = [...body.querySelectorAll("img")];
      const wide = shown.every((image) => image.naturalWidth > 2.5 * image.naturalHeight);
      body.classList.toggle("stacked", wide && shown.length > 1);
    }
    fit();
    await Reveal.initialize({
      ...size(), scrollActivationWidth: asDeck ? 0 : 600, margin: 0, center: false, hash: true, slideNumber: false,
      progress: false,
      transition: "none", backgroundTransition: "none", controlsTutorial: false,
      navigationMode: "linear", pdfSeparateFragments: false, plugins: [RevealNotes],
      keyboard: { 68: () => dark(!document.documentElement.classList.contains("dark")) },
    });
    Reveal.on("slidechanged", pace);
    addEventListener("resize", fit);
    document.body.dataset.ready = "yes";
  }
  start();
})();
