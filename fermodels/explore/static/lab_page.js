function createForm(model) {
  const node = element("form", "fm-lab-form");
  const fields = {};
  for (const [name, text] of [["subject", "Subject"], ["expression", "Expression"]]) {
    const label = element("label", "", text);
    const field = element("input", `fm-${name}`);
    field.type = "text";
    field.maxLength = 60;
    label.append(field);
    node.append(label);
    fields[name] = field;
  }
  const save = button(
    "fm-save",
    "Save as instance",
    "Write the face from all five cameras to a prepared file of your own",
  );
  save.type = "submit";
  node.append(save);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const { subject, expression } = fields;
    model.send({ type: "save", subject: subject.value, expression: expression.value });
  });

  function draw() {
    const { subject, expression } = model.get("result");
    fields.subject.placeholder = subject ?? "";
    fields.expression.placeholder = expression ?? "";
  }

  return { node, draw };
}

function createFinder(controls) {
  const node = element("label", "fm-lab-finder", "Find");
  const field = element("input", "fm-find");
  field.type = "search";
  field.placeholder = "lip, AU12, brows …";
  const none = element("span", "fm-lab-none", "nothing found");
  none.hidden = true;
  none.setAttribute("role", "status");
  node.append(field, none);
  field.addEventListener("input", () => {
    none.hidden = controls.find(field.value) > 0;
  });
  return node;
}

function render({ model, el }) {
  const root = element("div", "fm-lab");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Face lab");
  // JupyterLab would take the arrow keys and Enter for itself, and the sliders would not move.
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });

  function moved(name, value) {
    // While the kernel is busy only the newest of these waits.
    model.set("values", { ...model.get("values"), [name]: value });
    model.save_changes();
  }

  const groups = model.get("groups");
  const camera = createControls(groups.slice(-2), moved);
  const muscles = createControls(groups.slice(0, -2), moved);
  const form = createForm(model);

  const face = element("div", "fm-face");
  const picture = element("img");
  face.append(picture);
  const dice = button("fm-dice", "New person", "Another invented person; sliders and looks stay");
  const reset = button("fm-reset", "Reset sliders", "A neutral face, seen from the front; the looks stay");
  const buttons = element("div", "fm-lab-buttons");
  buttons.append(dice, reset);
  const left = element("div", "fm-lab-left");
  left.append(face, buttons, camera.node, form.node);

  const middle = element("div", "fm-lab-middle");
  middle.append(createFinder(muscles), muscles.node);

  const right = element("div", "fm-lab-right");
  const turner = button("fm-turn", "Turn the head", "Draw the track of the embedding, −90° to 90°");
  const turn = createTurn(model);
  const columns = createColumns(model);
  const { maps, bars } = columns;
  if (columns.mapped) right.append(createLegend(model));
  right.append(columns.node, turner, turn.node);

  const status = element("div", "fm-lab-status");
  status.setAttribute("aria-live", "polite");
  const body = element("div", "fm-lab-body");
  body.append(left, middle, right);
  root.append(body, status);
  el.append(root);

  let url = null;
  function drawResult() {
    const result = model.get("result");
    if (result.picture) {
      const before = url;
      url = URL.createObjectURL(new Blob([result.picture], { type: "image/jpeg" }));
      picture.src = url;
      picture.alt = result.alt;
      root.dataset.number = result.number;
      if (before) URL.revokeObjectURL(before);
    }
    for (const part of [...maps, ...bars, form, turn]) part.draw();
  }

  function drawValues() {
    camera.draw(model.get("values"));
    muscles.draw(model.get("values"));
    turn.draw();
  }

  function drawTrack() {
    for (const part of [...maps, turn]) part.draw();
  }

  function drawStatus() {
    status.textContent = model.get("status");
  }

  const send = (type) => () => model.send({ type });
  dice.addEventListener("click", send("dice"));
  reset.addEventListener("click", send("reset"));
  turner.addEventListener("click", send("turn"));
  const drawn = {
    result: drawResult,
    values: drawValues,
    track: drawTrack,
    status: drawStatus,
  };
  for (const [name, draw] of Object.entries(drawn)) {
    model.on(`change:${name}`, draw);
    draw();
  }
  return () => {
    for (const [name, draw] of Object.entries(drawn)) model.off(`change:${name}`, draw);
    for (const map of maps) map.remove();
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
