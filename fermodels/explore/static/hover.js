const GAP = 14;

function render({ model, el }) {
  const card = element("div", "fm-hover");
  card.setAttribute("role", "status");
  let url = null;
  let root = null;
  let at = { x: 0, y: 0 };

  function place() {
    if (!root) return;
    const box = root.getBoundingClientRect();
    // Inside the explorer's own box: outside of it the notebook would cut it off.
    let x = at.x - box.left + GAP;
    if (x + card.offsetWidth > box.width) x = at.x - box.left - GAP - card.offsetWidth;
    const y = Math.min(at.y - box.top + GAP, box.height - card.offsetHeight);
    card.style.left = `${Math.max(0, x)}px`;
    card.style.top = `${Math.max(0, y)}px`;
  }

  function moved(event) {
    at = { x: event.clientX, y: event.clientY };
    if (card.style.display !== "none") place();
  }

  function draw() {
    const { row, lines = [], color, picture } = model.get("content");
    if (url) URL.revokeObjectURL(url);
    url = null;
    card.replaceChildren();
    card.style.display = row === undefined ? "none" : "flex";
    if (row === undefined) {
      delete card.dataset.row;
      return;
    }
    card.dataset.row = row;
    card.style.borderLeftColor = color;
    if (picture && picture.byteLength) {
      url = URL.createObjectURL(new Blob([picture], { type: "image/jpeg" }));
      const image = element("img");
      image.onload = place;
      image.src = url;
      image.alt = lines.join(", ");
      card.append(image);
    }
    const text = element("div", "fm-hover-lines");
    for (const line of lines) text.append(element("div", "", line));
    card.append(text);
    place();
  }

  // The element is in the page only after this function has returned.
  const frame = requestAnimationFrame(() => {
    root = el.closest(".fm-explorer");
    // Not in `el`: JupyterLab clips whatever leaves the box of a widget.
    root?.append(card);
    root?.addEventListener("pointermove", moved);
  });
  model.on("change:content", draw);
  draw();
  return () => {
    cancelAnimationFrame(frame);
    root?.removeEventListener("pointermove", moved);
    model.off("change:content", draw);
    card.remove();
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
