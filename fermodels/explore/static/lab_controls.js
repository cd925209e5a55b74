let labs = 0;

// Groups of sliders and menus: `groups` is a part of the model's, `moved(name, value)` hears of the
// mouse. A menu stands beside a slider, or has a row of its own.
function createControls(groups, moved) {
  const prefix = `fm-lab-${labs++}`;
  const node = element("div", "fm-controls");
  const rows = new Map();
  const menus = new Map();
  const sections = [];

  for (const group of groups) {
    const section = element("details", "fm-lab-group");
    section.open = true;
    section.dataset.group = group.name;
    section.append(element("summary", "", group.name));
    const own = [];
    for (const control of group.controls) {
      if (control.options) {
        const found = addMenu(control, section);
        if (found) own.push(found);
        continue;
      }
      const row = element("div", "fm-lab-row");
      const label = element("label", "", control.label);
      const slider = element("input");
      const value = element("output");
      slider.id = label.htmlFor = `${prefix}-${control.name}`;
      value.htmlFor = slider.id;
      slider.type = "range";
      slider.min = control.low;
      slider.max = control.high;
      slider.step = control.step;
      slider.dataset.name = control.name;
      label.title = control.label;
      row.append(label, slider, value);
      section.append(row);
      rows.set(control.name, { row, slider, value, control });
      own.push(rows.get(control.name));
    }
    sections.push({ section, rows: own, name: group.name });
    node.append(section);
  }

  function addMenu(control, section) {
    const menu = createMenu(control, `${prefix}-${control.name.replace(/ /g, "-")}`, moved);
    menus.set(control.name, menu);
    if (control.beside) {
      const { row, slider } = rows.get(control.beside);
      row.insertBefore(menu.node, slider);
      row.classList.add("fm-lab-varied");
      return null;
    }
    const row = element("div", "fm-lab-row fm-lab-choice");
    const label = element("label", "", control.label);
    label.htmlFor = menu.node.id;
    label.title = control.label;
    row.append(label, menu.node);
    section.append(row);
    return { row, control };
  }

  function show(name, number) {
    const { row, slider, value, control } = rows.get(name);
    const text = control.unit ? degrees(number) : number.toFixed(2).replace("-", "−");
    value.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    row.classList.toggle("fm-moved", number !== control.default);
  }

  node.addEventListener("input", (event) => {
    const { name } = event.target.dataset;
    if (!rows.has(name)) return;
    show(name, Number(event.target.value));
    moved(name, Number(event.target.value));
  });

  function draw(values) {
    for (const [name, { slider }] of rows) {
      const number = values[name];
      if (number === undefined) continue;
      if (Number(slider.value) !== number) slider.value = number;
      show(name, number);
    }
    const ours = values.make === undefined || values.make === "Anny";
    for (const [name, menu] of menus) {
      if (values[name] !== undefined) menu.draw(values[name], ours);
    }
  }

  // Shows the rows that have every word in their label, or in their group's name.
  function find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, rows: own, name } of sections) {
      let any = false;
      for (const { row, control } of own) {
        const place = `${control.label} ${name}`.toLowerCase();
        const found = words.every((word) => place.includes(word));
        row.hidden = !found;
        any ||= found;
        count += found;
      }
      section.hidden = !any;
      if (any && words.length) section.open = true;
    }
    return count;
  }

  return { node, draw, find };
}
