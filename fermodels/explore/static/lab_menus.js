// A menu of `control.options`; `moved(name, option)` hears of it.
function createMenu(control, id, moved) {
  const node = element("select");
  node.id = id;
  node.dataset.name = control.name;
  node.setAttribute("aria-label", control.label);
  control.options.forEach((name, index) => {
    const option = element("option", "", name.replace(/_/g, " "));
    option.value = name;
    option.title = control.help[index] ?? "";
    node.append(option);
  });
  node.addEventListener("change", () => {
    moved(control.name, node.value);
    help();
  });

  function help() {
    const said = control.help[control.options.indexOf(node.value)];
    node.title = said ? `${control.label} ${node.value}: ${said}` : control.label;
  }

  // `ours`: whether the head is ours; one of another make wears nothing.
  function draw(option, ours) {
    if (node.value !== option) node.value = option;
    node.disabled = control.ours_only && !ours;
    node.classList.toggle("fm-chosen", option !== control.options[0]);
    help();
  }

  return { node, draw };
}
