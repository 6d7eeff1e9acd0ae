// Brings the widgets of the page to life. A place holds its plain form, and its data in JSON.

const MODELS = {
  quiz: quizModel, guess: guessModel, flashcards: flashcardsModel, lab: labModel,
  own_images: ownImagesModel, my_picture: myPictureModel,
};

function start() {
  for (const place of document.querySelectorAll("[data-featlib-widget]")) {
    const kind = place.dataset.featlibWidget;
    const el = element("div");
    try {
      const data = JSON.parse(place.querySelector("script").textContent);
      WIDGETS[kind]().render({ model: MODELS[kind](data), el });
      place.replaceChildren(el);
    } catch (error) { // its plain form stays, and the other places come to life
      console.error(error);
    }
  }
}

// A sheet that is made here is allowed where a page's policy forbids styles in its text.
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();

globalThis.featlib = {
  answered, block: bring, decodedPicture, exportProgress, guessed, heldOut, labModel, lessonFeatures,
  observe, quizModel, readNumber, rounded, runValues, schedule, squarePicture, torchRandom,
};
