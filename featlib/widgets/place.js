// JupyterLab keeps what an output shows in the notebook. The view of a widget must not get there:
// opened again without its kernel, it says "model not found". So once a view is drawn, Python puts
// the plain form in its stead (`_keep_plain` in base.py). The form's element is the view's place,
// and the view moves there, with what was typed by then. Without the kernel, the form is seen: also
// where it ends or begins anew under a view, which then knows and reaches nothing any more.

const IGNORED = "jp-RenderedHTMLCommon"; // the look of Markdown, which is not for widgets
const KERNEL_ENDS = ["restarting", "autorestarting", "terminating", "dead"]; // as JupyterLab calls it

function placed(render) {
  const views = []; // that wait for their places
  const ends = [];
  let listening; // the model with listeners that outlive the output in which a view began

  const draw = () => {
    const el = element("div");
    const view = { el, focus: null };
    el.addEventListener("focusin", ({ target }) => { view.focus = target; });
    // The browser says the same when the view is taken out of the page; then it is not connected.
    el.addEventListener("focusout", () => setTimeout(() => { if (el.isConnected) view.focus = null; }));
    ends.push(render({ model: listening, el }));
    return view;
  };
  const fill = (place) => {
    const { el, focus } = views.shift() ?? draw();
    const form = [...place.childNodes];
    const around = place.closest(`.${IGNORED}`);
    around?.classList.remove(IGNORED);
    place.replaceChildren(el);
    focus?.focus({ preventScroll: true });
    ends.push(() => {
      place.replaceChildren(...form);
      around?.classList.add(IGNORED);
    });
  };

  const initialize = ({ model }) => {
    const filled = new WeakSet();
    const look = () => {
      if (!model.widget_manager.kernel) return; // the notebook was closed
      for (const place of document.querySelectorAll(`[data-featlib="${model.get("_place")}"]`)) {
        if (filled.has(place)) continue;
        filled.add(place);
        fill(place);
      }
    };
    listening = model;
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, { childList: true, subtree: true });
    look();
    const end = () => {
      watcher.disconnect();
      ends.splice(0).forEach((one) => one());
    };
    const { kernel } = model.widget_manager;
    kernel?.statusChanged?.connect((_, state) => { if (KERNEL_ENDS.includes(state)) end(); });
    kernel?.disposed?.connect(end);
    return end;
  };

  const begin = ({ model, el }) => {
    if (!document.querySelector(".jp-Notebook")) return render({ model, el }); // no JupyterLab
    const view = draw();
    views.push(view);
    el.append(view.el);
    model.set("_drawn", model.get("_drawn") + 1);
    model.save_changes();
  };
  return { initialize, render: begin };
}
