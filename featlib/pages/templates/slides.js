// Starts reveal.js. Before that, makes each page that is too full a little smaller: how high a text
// is depends on the fonts of the machine.
(() => {
  const HEIGHT = 720, WIDTH = 1280, MARGIN = 40, SMALLEST = 0.6;
  const pages = [...document.querySelectorAll(".page")];

  function classify(page) {
    if (page.querySelector("h1")) page.classList.add("title");
    if (page.querySelector("blockquote") && page.children.length === 1) page.classList.add("takeaway");
  }

  function full(page) {
    const { top } = page.getBoundingClientRect();
    const parts = [...page.children].map((part) => part.getBoundingClientRect().bottom - top);
    return Math.max(0, ...parts) > HEIGHT - MARGIN || page.scrollWidth > WIDTH;
  }

  function fit(page) {
    const folded = [...page.querySelectorAll("details:not([open])")];
    const cards = page.querySelector(".cards") ? folded.slice(0, 1) : folded;
    // What is folded for another reason scrolls when it is opened.
    const answers = page.querySelector(".cards, .question") ? cards : [];
    answers.forEach((part) => { part.open = true; });
    let scale = 1;
    while (full(page) && scale > SMALLEST) {
      scale = Math.round((scale - 0.03) * 100) / 100;
      page.style.fontSize = `${28 * scale}px`;
    }
    page.dataset.scale = scale;
    folded.forEach((part) => { part.open = false; });
  }

  async function start() {
    await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
    document.body.classList.add("measuring");
    pages.forEach(classify);
    pages.forEach(fit);
    document.body.classList.remove("measuring");
    // The space bar opens an answer; it must not also turn the page.
    document.querySelectorAll("summary").forEach((summary) => {
      summary.addEventListener("keydown", (event) => {
        if (event.key === " " || event.key === "Enter") event.stopPropagation();
      });
    });
    await Reveal.initialize({
      width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t",
      transition: "none", backgroundTransition: "none", controlsTutorial: false,
      navigationMode: "linear", plugins: [RevealNotes],
    });
    document.body.dataset.ready = "yes";
  }
  start();
})();
