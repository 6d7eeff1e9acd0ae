// What a widget's front end takes for its model. In a notebook `send` asks Python; here it asks `act`,
// a function of the message and its files that returns what to say, or a whole reply, or a promise of
// either; it is called once the event that sent the message is over.

function pageModel(view, act) {
  const state = { view };
  const listeners = new Map();
  const of = (event) => listeners.get(event) ?? [];
  const tell = (event, ...said) => of(event).forEach((listener) => listener(...said));
  const get = (name) => state[name];
  const set = (name, value) => {
    state[name] = value;
    tell(`change:${name}`);
  };
  const on = (event, listener) => listeners.set(event, [...of(event), listener]);
  const off = (event, listener) =>
    listeners.set(event, of(event).filter((other) => other !== listener));
  const show = (changes) => set("view", { ...state.view, ...changes });
  const send = (message, _, files = []) => queueMicrotask(async () => {
    let said;
    try {
      said = await act(message, show, state.view, files);
    } catch (error) {
      said = `That did not work: ${error.message}`;
    }
    const { words, ...reply } = typeof said === "string" ? { words: said } : said;
    const status = `${words ?? ""}${notKept()}`.trim();
    tell("msg:custom", { done: message.sent ?? null, ...reply, ...(status ? { status } : {}) });
  });
  return { get, set, on, off, send, save_changes: () => {} };
}
