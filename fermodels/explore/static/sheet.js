function render({ model, el }) {
  const root = element("section", "fm-sheet");
  const title = element("div", "fm-sheet-title");
  const empty = element("div", "fm-sheet-empty");
  const tiles = element("div", "fm-tiles");
  tiles.setAttribute("role", "group");
  root.append(title, empty, tiles);
  // JupyterLab would take the arrow keys and Enter for itself.
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);
  let urls = [];

  function release() {
    for (const url of urls) URL.revokeObjectURL(url);
    urls = [];
  }

  function words() {
    title.textContent = model.get("title");
    root.setAttribute("aria-label", model.get("title"));
    tiles.setAttribute("aria-label", `${model.get("title")}; arrow keys go from image to image`);
    empty.textContent = model.get("empty");
    empty.hidden = (model.get("content").tiles ?? []).length > 0 || !model.get("empty");
  }

  function draw() {
    const { tiles: list, pictures } = model.get("content");
    const before = urls;
    urls = [];
    const nodes = list.map((tile, i) => {
      const node = element("button", tile.chosen ? "fm-tile fm-chosen" : "fm-tile");
      node.type = "button";
      node.dataset.row = tile.row;
      node.tabIndex = i === 0 ? 0 : -1;
      node.title = tile.caption;
      node.setAttribute("aria-label", tile.note ? `${tile.caption}; ${tile.note}` : tile.caption);
      node.style.borderBottomColor = tile.color;
      const picture = pictures[i];
      if (picture && picture.byteLength) {
        const url = URL.createObjectURL(new Blob([picture], { type: "image/jpeg" }));
        urls.push(url);
        const image = element("img");
        image.src = url;
        image.alt = "";
        node.append(image);
      } else {
        node.append(element("span", "fm-none", tile.words || tile.caption));
      }
      if (tile.note) node.append(element("span", "fm-tile-note", tile.note));
      return node;
    });
    tiles.replaceChildren(...nodes);
    for (const url of before) URL.revokeObjectURL(url);
    words();
  }

  function clicked(event) {
    const node = event.target.closest("button");
    if (node) model.send({ type: "pick", row: Number(node.dataset.row) });
  }

  function key(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const nodes = [...tiles.children];
    const here = nodes.indexOf(document.activeElement);
    if (!step || here < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const there = nodes[Math.min(Math.max(here + step, 0), nodes.length - 1)];
    nodes[here].tabIndex = -1;
    there.tabIndex = 0;
    there.focus();
  }

  tiles.addEventListener("click", clicked);
  tiles.addEventListener("keydown", key);
  model.on("change:content", draw);
  model.on("change:title", words);
  model.on("change:empty", words);
  draw();
  return () => {
    model.off("change:content", draw);
    model.off("change:title", words);
    model.off("change:empty", words);
    release();
  };
}

export default { render };
