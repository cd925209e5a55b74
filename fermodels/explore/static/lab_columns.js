// A column for each encoder: its map, where the lab has any, its bars, and what `below` adds.
function createColumns(model, below = () => null) {
  const node = element("div", "fm-lab-columns");
  const mapped = model.get("dots").points !== undefined;
  const maps = [];
  const bars = [];
  model.get("encoders").forEach((name, index) => {
    const column = element("section", "fm-lab-column");
    const title = element("h4", "", name);
    title.title = name;
    column.append(title);
    if (mapped) {
      maps.push(createMap(model, index));
      column.append(maps.at(-1).node);
    }
    bars.push(createBars(model, index));
    column.append(bars.at(-1).node);
    const more = below(name);
    if (more) column.append(more);
    node.append(column);
  });
  return { node, mapped, maps, bars };
}
