// Sorts each table by the heading that was pressed; a page without scripts shows it as it is.
const words = new Intl.Collator("en", { numeric: true }); // "2" before "10", "3 of 7" by its numbers

const value = (row, column, ofNumbers) => {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  if (!ofNumbers) return text;
  return Number.isNaN(parseFloat(text)) ? -Infinity : parseFloat(text); // "–": there is none
};

const compare = (a, b) =>
  typeof a === "string" ? words.compare(a, b) : a < b ? -1 : Number(a > b);

function sort(table, column, order) {
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const ofNumbers = table.tHead.rows[0].cells[column].classList.contains("number");
  const rows = [...body.rows].map((row) => [value(row, column, ofNumbers), row]);
  rows.sort(([a], [b]) => sign * compare(a, b));
  body.append(...rows.map(([, row]) => row));
  for (const heading of table.tHead.rows[0].cells) heading.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", order);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      // Numbers first from the largest, words first from A.
      const first = heading.classList.contains("number") ? "descending" : "ascending";
      const other = { ascending: "descending", descending: "ascending" };
      sort(table, column, before ? other[before] : first);
    });
  });
}

// A page that is watched is loaded anew again and again, and stays as the reader left it.
function remember() {
  const sorts = [...document.querySelectorAll("table.sortable")].map((table) => {
    const headings = [...table.tHead.rows[0].cells];
    const column = headings.findIndex((heading) => heading.hasAttribute("aria-sort"));
    return [column, headings[column]?.getAttribute("aria-sort")];
  });
  const folds = [...document.querySelectorAll("details")].map((part) => [part.id, part.open]);
  const focus = [...document.querySelectorAll(FOCUS)].indexOf(document.activeElement);
  sessionStorage.setItem("class-report", JSON.stringify({ sorts, folds, focus }));
}

function restore({ sorts, folds, focus }) {
  document.querySelectorAll("table.sortable").forEach((table, number) => {
    const [column, order] = sorts[number] ?? [-1];
    if (order && column < table.tHead.rows[0].cells.length) sort(table, column, order);
  });
  for (const [id, open] of folds) {
    const part = document.getElementById(id);
    if (part) part.open = open;
  }
  document.querySelectorAll(FOCUS)[focus]?.focus({ preventScroll: true });
}

const FOCUS = "a, button, summary, [tabindex]";
if ("watched" in document.body.dataset) {
  const kept = sessionStorage.getItem("class-report");
  if (kept) restore(JSON.parse(kept));
  setInterval(() => {
    if (String(getSelection())) return; // somebody marks text
    remember();
    location.reload();
  }, 750);
}
