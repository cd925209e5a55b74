// log2 of the scale. Far beyond that the plot runs out of numbers, and the page crashes.
const LEAST = -4;
const MOST = 12;

function render({ model, el }) {
  let root = null;
  // What the wheel has added after the plot's last report.
  let since = 0;

  function wheel(event) {
    if (!event.target.closest(".fm-map")) return;
    // The plot scales by e^(−distance / height).
    const step = -event.deltaY / event.target.clientHeight / Math.LN2;
    const zoom = model.get("zoom") + since + step;
    if (step > 0 ? zoom > MOST : zoom < LEAST) {
      event.preventDefault();
      event.stopPropagation();
    } else {
      since += step;
    }
  }

  function reported() {
    since = 0;
  }

  // The element is in the page only after this function has returned.
  const frame = requestAnimationFrame(() => {
    root = el.closest(".fm-explorer");
    root?.addEventListener("wheel", wheel, { capture: true, passive: false });
  });
  model.on("change:zoom", reported);
  return () => {
    cancelAnimationFrame(frame);
    root?.removeEventListener("wheel", wheel, { capture: true });
    model.off("change:zoom", reported);
  };
}

export default { render };
