// What a widget's front end takes for its model. In a notebook `send` asks Python; here it asks `act`,
// a function of the message that returns what to say, once the event that sent it is over.

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
  const send = (message) => queueMicrotask(() => {
    let words;
    try {
      words = act(message, show, state.view);
    } catch (error) {
      words = `That did not work: ${error.message}`;
    }
    const status = `${words}${notKept()}`.trim();
    tell("msg:custom", { done: message.sent ?? null, ...(status ? { status } : {}) });
  });
  return { get, set, on, off, send, save_changes: () => {} };
}
