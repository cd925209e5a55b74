const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter"];

function webgl() {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

function render({ model, el }) {
  const root = element("div", "fm-header");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  // JupyterLab would take the arrow keys and Enter for itself.
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  function draw() {
    const title = model.get("title");
    const heading = element("div", "fm-header-title", title);
    heading.append(element("span", "fm-header-keys", "arrow keys: next image, Enter: select it"));
    const numbers = element("div", "fm-numbers");
    for (const number of model.get("numbers")) {
      const item = element("span", "fm-number", `${number.name} `);
      item.append(element("b", "", number.value));
      if (number.chance) item.append(element("span", "", ` (guess ${number.chance})`));
      item.title = number.help;
      numbers.append(item);
    }
    root.replaceChildren(heading, numbers, element("div", "fm-note", model.get("note")));
    root.setAttribute("aria-label", `Map of ${title}. The arrow keys go from image to image, Enter selects.`);
  }

  function key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !KEYS.includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ type: "key", key: event.key });
  }

  let alive = true;
  async function announced() {
    const { number, milliseconds } = model.get("change");
    if (number === undefined) return;
    while (alive && !el.closest(".fm-maps")?.querySelector(".fm-map canvas")) {
      await new Promise((done) => setTimeout(done, 50));
    }
    await new Promise((done) => setTimeout(done, milliseconds));
    // One frame to take the change, one to draw it, one to have drawn it.
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    if (alive) model.send({ type: "drawn", number });
  }

  const watched = ["title", "numbers", "note"];
  for (const name of watched) model.on(`change:${name}`, draw);
  model.on("change:change", announced);
  root.addEventListener("keydown", key);
  draw();
  announced();
  model.send({ type: webgl() ? "shown" : "no-webgl" });
  return () => {
    alive = false;
    for (const name of watched) model.off(`change:${name}`, draw);
    model.off("change:change", announced);
    root.removeEventListener("keydown", key);
  };
}

export default { render };
