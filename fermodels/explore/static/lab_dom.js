function drawing(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(className, text, help) {
  const node = element("button", className, text);
  node.type = "button";
  node.title = help;
  return node;
}

function degrees(yaw) {
  return yaw < 0 ? `−${-yaw}°` : `${yaw}°`;
}

// The bytes need not start at a multiple of four, as Float32Array wants them to.
function floats(view) {
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
