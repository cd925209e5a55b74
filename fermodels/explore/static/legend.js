function button(text, label, type, index) {
  const node = element("button", "", text);
  node.type = "button";
  node.title = label;
  node.setAttribute("aria-label", label);
  node.dataset.type = type;
  if (index !== undefined) node.dataset.index = index;
  return node;
}

function render({ model, el }) {
  const root = element("div", "fm-legend");
  root.setAttribute("role", "group");
  // JupyterLab would take the arrow keys and Enter for itself.
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  function draw() {
    // Redrawing must not take the keyboard's focus away.
    const { type, index } = document.activeElement?.dataset ?? {};
    const focused = root.contains(document.activeElement);
    const scrolled = root.querySelector("ul")?.scrollTop ?? 0;
    const title = model.get("title");
    root.setAttribute("aria-label", `Legend: ${title}`);
    const heading = element("div", "fm-legend-title", title);
    heading.append(button("show all", `Show every ${title}`, "all"));
    const list = element("ul");
    model.get("entries").forEach((entry, i) => {
      if (!entry.count) return; // of another data set
      const item = element("li", entry.shown ? "" : "fm-hidden");
      item.dataset.name = entry.name;
      const label = element("label");
      label.title = entry.name;
      const box = element("input");
      box.type = "checkbox";
      box.checked = entry.shown;
      box.dataset.type = "show";
      box.dataset.index = i;
      box.setAttribute("aria-label", `Show ${entry.name}, ${entry.count} points`);
      const swatch = element("span", "fm-swatch");
      swatch.style.background = entry.color;
      label.append(
        box,
        swatch,
        element("span", "fm-legend-name", entry.name.replaceAll("_", " ")),
        element("span", "fm-legend-count", entry.count.toLocaleString("en")),
      );
      item.append(
        label,
        button("only", `Show only ${entry.name}`, "only", i),
        button("sel", `Select the shown points of ${entry.name}`, "select", i),
      );
      list.append(item);
    });
    root.replaceChildren(heading, list);
    list.scrollTop = scrolled;
    if (focused && type) {
      const place = index === undefined ? "" : `[data-index="${index}"]`;
      root.querySelector(`[data-type="${type}"]${place}`)?.focus();
    }
  }

  function changed(event) {
    if (event.target.dataset.type !== "show") return;
    const index = Number(event.target.dataset.index);
    model.send({ type: "show", index, shown: event.target.checked });
  }

  function clicked(event) {
    const node = event.target.closest("button");
    if (!node) return;
    const index = node.dataset.index === undefined ? null : Number(node.dataset.index);
    model.send({ type: node.dataset.type, index });
  }

  root.addEventListener("change", changed);
  root.addEventListener("click", clicked);
  model.on("change:entries", draw);
  draw();
  return () => model.off("change:entries", draw);
}

export default { render };
