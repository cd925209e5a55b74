let records = 0;

// The person's own file: writing into it, and forgetting.
function createRecord(model, send) {
  const node = element("form", "fm-record");
  node.setAttribute("aria-label", "Record an instance");
  const prefix = `fm-record-${records++}`;
  const title = element("h4", "", "Record an instance");
  const hint = element("p", "fm-lab-note", "Hold an expression, turn the head, then name it here.");
  const label = element("label", "fm-record-row", "Expression");
  const field = element("input", "fm-expression");
  field.type = "text";
  field.maxLength = 60;
  field.setAttribute("list", `${prefix}-names`);
  field.autocomplete = "off";
  label.append(field);
  const names = element("datalist");
  names.id = `${prefix}-names`;
  for (const name of model.get("expressions")) {
    const option = element("option");
    option.value = name;
    names.append(option);
  }
  const agree = element("label", "fm-agree");
  const tick = element("input", "fm-consent");
  tick.type = "checkbox";
  agree.append(tick, element("span", "", model.get("consent")));
  const write = button("fm-write", "Write", "");
  write.type = "submit";
  const discard = button("fm-discard", "Discard views", "Forget the views; nothing is written");
  const forget = button("fm-forget", "Forget me", "Delete the file, and every point of you");
  const buttons = element("div", "fm-lab-buttons");
  buttons.append(write, discard, forget);
  const said = element("p", "fm-said");
  said.setAttribute("role", "status");
  node.append(title, hint, label, names, agree, buttons, said);
  let shown = 0; // views
  let there = 0; // those of them that can be written
  let own = { instances: 0, file: "" };
  let sure = false;

  function draw() {
    write.textContent = there ? `Write ${there} views to ${own.file}` : `Write to ${own.file}`;
    write.disabled = !there || !tick.checked || !field.value.trim();
    write.title = write.disabled
      ? "Needs views, the name of an expression, and your consent"
      : "Only now something is written to the disk";
    discard.disabled = !shown;
    forget.textContent = sure ? `Really delete ${own.file}?` : "Forget me";
    forget.classList.toggle("fm-sure", sure);
  }

  function ask(yes) {
    sure = yes;
    draw();
  }

  node.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!write.disabled) send("save", { expression: field.value, consent: tick.checked });
  });
  field.addEventListener("input", draw);
  tick.addEventListener("change", draw);
  discard.addEventListener("click", () => send("discard"));
  forget.addEventListener("blur", () => ask(false));
  forget.addEventListener("click", () => {
    if (sure) send("forget");
    ask(!sure);
  });
  draw();

  return {
    node,
    views: (count) => {
      shown = there = count;
      draw();
    },
    own: (message) => {
      own = message;
      if (own.written) there = 0; // the views are in the file, and are not written twice
      draw();
    },
    say: ({ text, error }) => {
      said.textContent = text;
      said.classList.toggle("fm-error", error);
    },
  };
}
