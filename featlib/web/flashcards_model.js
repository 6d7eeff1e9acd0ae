// What featlib/widgets/flashcards.py does with how well a learner knew a card.

function awayInWords(seconds) {
  for (const [unit, length] of [["day", DAY], ["hour", 60 * MINUTE], ["minute", MINUTE]]) {
    if (seconds < length) continue;
    const count = Math.round(seconds / length);
    return `${count} ${unit}${count > 1 ? "s" : ""}`;
  }
  return "1 minute";
}

function flashcardsModel({ cards, limit }) {
  let left = limit;
  const reviews = () => itemsOf("reviews").flatMap(({ entries }) => entries);
  const farewell = (waiting, known) => {
    if (waiting.length)
      return `Done for today. ${waiting.length} more are waiting: load the page again.`;
    if (!known.size) return "There are no cards.";
    const next = new Date(Math.min(...[...known.values()].map(({ due }) => due)) * 1000);
    const form = { day: "2-digit", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const { day, month, hour, minute } = Object.fromEntries(
      new Intl.DateTimeFormat("en", form).formatToParts(next).map(({ type, value }) => [type, value]));
    return `Done. The next card is due on ${day} ${month}, ${hour}:${minute}.`;
  };
  const next = () => {
    const now = Date.now() / 1000, known = schedule(reviews());
    const due = cards.filter(({ id }) => known.has(id) && known.get(id).due <= now)
      .sort((a, b) => known.get(a.id).due - known.get(b.id).due);
    const waiting = [...due, ...cards.filter(({ id }) => !known.has(id))];
    if (!waiting.length || left <= 0) return { card: null, words: farewell(waiting, known) };
    const [{ id, front, back, notebook }] = waiting;
    const ratings = RATINGS.map((rating) => {
      const away = awayInWords(rate(known.get(id), rating, now).due - now);
      return { rating, words: `${rating[0].toUpperCase()}${rating.slice(1)} · ${away}` };
    });
    const words = `${Math.min(waiting.length, left)} to go`;
    return { card: id, words, front, back, notebook, ratings };
  };
  return pageModel(next(), ({ card, rating }, show, shown) => {
    if (card !== shown.card) return ""; // the second click on the same button
    add(`reviews:${card}`, { card, rating });
    left -= 1;
    show(next());
    return "";
  });
}
