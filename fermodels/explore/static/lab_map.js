const MARGIN = 1.12;
const REACH = 9;

// The map of encoder number `index`: dots of the reference, the face's track, the face.
function createMap(model, index) {
  const name = model.get("encoders")[index];
  const { points: all, codes: bytes, captions, colors } = model.get("dots");
  const points = floats(all[index]);
  const codes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const radius = Math.min(4, Math.max(1.6, 5.6 - Math.log10(codes.length / 20) * 1.2));

  const node = element("div", "fm-lab-map");
  node.dataset.encoder = name;
  const canvas = element("canvas");
  canvas.dataset.encoder = name;
  canvas.setAttribute("role", "img");
  const tip = element("div", "fm-lab-tip");
  tip.hidden = true;
  node.append(canvas, tip);
  // Drawn by the processor: without a graphics card, "accelerated" drawings take a tenth of a second.
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  const dots = element("canvas");
  let width = 0;
  let height = 0;
  let scale = 1;
  let pointed = -1;

  const at = (x, y) => [width / 2 + x * scale, height / 2 - y * scale];

  function drawDots() {
    dots.width = canvas.width;
    dots.height = canvas.height;
    const under = dots.getContext("2d", { willReadFrequently: true });
    under.setTransform(ink.getTransform());
    under.globalAlpha = 0.8;
    for (let i = 0; i < codes.length; i++) {
      const [x, y] = at(points[2 * i], points[2 * i + 1]);
      under.fillStyle = colors[codes[i]];
      under.beginPath();
      under.arc(x, y, radius, 0, 2 * Math.PI);
      under.fill();
    }
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    const wide = node.clientWidth;
    if (!wide || (wide === width && canvas.width === Math.round(wide * ratio))) return;
    width = wide;
    height = Math.min(width, model.get("height"));
    scale = Math.min(width, height) / 2 / MARGIN;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawDots();
    draw();
  }

  function circle(x, y, r) {
    ink.beginPath();
    ink.arc(x, y, r, 0, 2 * Math.PI);
  }

  function stroke(color, line) {
    ink.strokeStyle = color;
    ink.lineWidth = line;
    ink.stroke();
  }

  function drawTrack(track, fresh) {
    const way = track.columns[index].points.map(([x, y]) => at(x, y));
    ink.save();
    ink.globalAlpha = fresh ? 1 : 0.35;
    ink.lineJoin = ink.lineCap = "round";
    ink.beginPath();
    way.forEach(([x, y], i) => (i ? ink.lineTo(x, y) : ink.moveTo(x, y)));
    stroke("#fff", 6);
    for (let i = 1; i < way.length; i++) {
      ink.beginPath();
      ink.moveTo(...way[i - 1]);
      ink.lineTo(...way[i]);
      stroke(track.colors[i], 3);
    }
    way.forEach(([x, y], i) => {
      const standard = track.standard.includes(i);
      circle(x, y, standard ? 5 : 2.5);
      ink.fillStyle = track.colors[i];
      ink.fill();
      if (standard) stroke("#fff", 1.5);
    });
    ink.font = "11px system-ui, sans-serif";
    ink.textBaseline = "middle";
    ink.lineWidth = 3;
    const written = [];
    for (const i of track.named) {
      const yaw = Math.round(track.yaws[i]);
      const [x, y] = way[i];
      // Where an encoder hardly sees the angle, the labels would lie on each other.
      if (written.some(([u, v]) => Math.abs(u - x) < 34 && Math.abs(v - y) < 13)) continue;
      written.push([x, y]);
      const left = x > width - 44;
      ink.textAlign = left ? "right" : "left";
      ink.strokeStyle = "#fff";
      ink.strokeText(degrees(yaw), x + (left ? -11 : 11), y);
      ink.fillStyle = "#222";
      ink.fillText(degrees(yaw), x + (left ? -11 : 11), y);
    }
    ink.restore();
  }

  // The places that the face has come by, the older the paler; and faces that have been kept.
  function drawTrail(trail, strength) {
    ink.save();
    for (let i = 1; i < trail.length; i++) {
      ink.globalAlpha = (strength * (i + 1)) / trail.length;
      ink.beginPath();
      ink.moveTo(...at(...trail[i - 1]));
      ink.lineTo(...at(...trail[i]));
      stroke("#fff", 4);
      stroke("#222", 1.5);
    }
    ink.restore();
  }

  function drawMarks({ points }) {
    for (const place of points) {
      const [x, y] = at(...place);
      ink.beginPath();
      for (const [dx, dy] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) ink.lineTo(x + dx, y + dy);
      ink.closePath();
      ink.fillStyle = "#fff";
      ink.fill();
      stroke("#000", 2);
    }
  }

  function draw() {
    if (!width) return;
    ink.save();
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, canvas.width, canvas.height);
    const { columns, fresh, alt, marks } = model.get("result");
    const track = model.get("track");
    // Behind a track the dots step back.
    ink.globalAlpha = track.yaws && fresh ? 0.4 : 1;
    ink.drawImage(dots, 0, 0);
    ink.restore();
    if (columns?.[index].trail) drawTrail(columns[index].trail, track.yaws ? 0.3 : 1);
    if (marks?.[index]) drawMarks(marks[index]);
    if (track.yaws) drawTrack(track, fresh);
    if (pointed >= 0) {
      circle(...at(points[2 * pointed], points[2 * pointed + 1]), radius + 3);
      stroke("#222", 1.5);
    }
    const place = columns?.[index].position;
    if (!place) return;
    [node.dataset.x, node.dataset.y] = place;
    // A face unlike all of the reference may lie outside: it is shown at the border.
    const inside = (v, end) => Math.min(Math.max(v, 11), end - 11);
    const [x, y] = at(...place);
    const spot = [inside(x, width), inside(y, height)];
    circle(...spot, 8);
    stroke("#fff", 6);
    circle(...spot, 8);
    stroke("#000", 2.5);
    circle(...spot, 1.5);
    ink.fillStyle = "#000";
    ink.fill();
    const words = `x ${place[0].toFixed(2)}, y ${place[1].toFixed(2)}`;
    canvas.setAttribute("aria-label", `Map of ${name}. ${alt} lies at ${words}.`);
  }

  function nearest(x, y) {
    let best = -1;
    let least = REACH ** 2;
    for (let i = 0; i < codes.length; i++) {
      const [px, py] = at(points[2 * i], points[2 * i + 1]);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  function point(i) {
    if (i === pointed) return;
    pointed = i;
    tip.hidden = i < 0;
    if (i >= 0) {
      tip.textContent = captions[i];
      const [x, y] = at(points[2 * i], points[2 * i + 1]);
      tip.style.left = x < width / 2 ? `${x + 10}px` : "";
      tip.style.right = x < width / 2 ? "" : `${width - x + 10}px`;
      tip.style.top = `${Math.min(Math.max(y - 12, 0), height - 26)}px`;
    }
    draw();
  }

  canvas.addEventListener("pointermove", (event) => point(nearest(event.offsetX, event.offsetY)));
  canvas.addEventListener("pointerleave", () => point(-1));
  const watch = new ResizeObserver(resize);
  watch.observe(node);
  return { node, draw, remove: () => watch.disconnect() };
}

// What the colours of the dots mean, and the ring; and the diamonds, where there are some.
function createLegend(model, ring = "this face", diamond = "") {
  const node = element("div", "fm-lab-legend");
  const { categories, colors } = model.get("dots");
  categories.forEach((name, i) => {
    const item = element("span", "fm-lab-key");
    const swatch = element("span", "fm-lab-swatch");
    swatch.style.background = colors[i];
    item.append(swatch, name.replaceAll("_", " "));
    node.append(item);
  });
  const face = element("span", "fm-lab-key");
  face.append(element("span", "fm-lab-ring"), ring);
  node.append(face);
  if (diamond) {
    const kept = element("span", "fm-lab-key");
    kept.append(element("span", "fm-lab-diamond"), diamond);
    node.append(kept);
  }
  return node;
}
