let labs = 0;

// Groups of sliders: `groups` is a part of the model's, `moved(name, value)` hears of the mouse.
function createControls(groups, moved) {
  const prefix = `fm-lab-${labs++}`;
  const node = element("div", "fm-controls");
  const rows = new Map();
  const sections = [];

  for (const group of groups) {
    const section = element("details", "fm-lab-group");
    section.open = true;
    section.dataset.group = group.name;
    section.append(element("summary", "", group.name));
    const own = [];
    for (const control of group.controls) {
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
  }

  // Shows the sliders that have every word in their label, or in their group's name.
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
