const PLOT = { width: 560, height: 128, left: 34, right: 120, top: 8, bottom: 30 };
const DASHES = ["", "6 3", "2 3", "9 3 2 3"];

// The cosine to the frontal view over the yaw: a line an encoder; the strip explains the track.
function createTurn(model) {
  const node = element("div", "fm-lab-cosine");
  const note = element("div", "fm-lab-note");
  const plot = drawing("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img" });
  node.append(plot, note);
  const end = PLOT.width - PLOT.right;
  const floor = PLOT.height - PLOT.bottom;
  const across = (yaw) => PLOT.left + ((Math.max(-90, Math.min(yaw, 90)) + 90) / 180) * (end - PLOT.left);

  function draw() {
    const { yaws, colors, standard, columns } = model.get("track");
    node.hidden = !yaws;
    if (!yaws) return;
    const { fresh } = model.get("result");
    const yaw = model.get("values").yaw;
    const lowest = Math.min(...columns.flatMap(({ cosine }) => cosine));
    const low = Math.min(0.8, Math.floor(lowest * 5) / 5);
    const down = (cosine) => PLOT.top + ((1 - cosine) / (1 - low)) * (floor - PLOT.top);
    const parts = [];
    for (const cosine of [low, (low + 1) / 2, 1]) {
      const y = down(cosine);
      parts.push(drawing("line", { x1: PLOT.left, x2: end, y1: y, y2: y, class: "fm-lab-grid" }));
      const text = cosine.toFixed(1).replace("-", "−");
      parts.push(drawing("text", { x: PLOT.left - 5, y: y + 4, "text-anchor": "end" }, text));
    }
    for (let i = 1; i < yaws.length; i++) {
      const [x, next] = [across(yaws[i - 1]), across(yaws[i])];
      const box = { x, width: next - x + 0.5, y: floor + 3, height: 6, fill: colors[i] };
      parts.push(drawing("rect", box));
    }
    for (const i of standard) {
      const x = across(yaws[i]);
      parts.push(drawing("line", { x1: x, x2: x, y1: floor, y2: floor + 12, class: "fm-lab-tick" }));
      const at = { x, y: floor + 23, "text-anchor": "middle" };
      parts.push(drawing("text", at, degrees(Math.round(yaws[i]))));
    }
    const words = [];
    const names = [];
    columns.forEach(({ cosine }, k) => {
      const way = yaws.map((angle, i) => `${across(angle)},${down(cosine[i])}`).join(" ");
      const style = { points: way, class: "fm-lab-line", "stroke-dasharray": DASHES[k % 4] };
      parts.push(drawing("polyline", style));
      const name = model.get("encoders")[k];
      names.push({ name, k, y: down(cosine.at(-1)) });
      const ends = [0, yaws.length - 1].map((i) => {
        return `${cosine[i].toFixed(2)} at ${degrees(Math.round(yaws[i]))}`;
      });
      words.push(`${name}: ${ends.join(", ")}`);
    });
    // Names beside the ends of their lines, moved apart where those meet.
    names.sort((a, b) => a.y - b.y);
    names.forEach((item, i) => {
      item.y = Math.max(item.y, i ? names[i - 1].y + 14 : 0);
      const line = { x1: end + 4, x2: end + 22, y1: item.y, y2: item.y, class: "fm-lab-line" };
      parts.push(drawing("line", { ...line, "stroke-dasharray": DASHES[item.k % 4] }));
      const short = item.name.length > 15 ? `${item.name.slice(0, 14)}…` : item.name;
      parts.push(drawing("text", { x: end + 26, y: item.y + 4 }, short));
    });
    if (fresh && yaw !== undefined) {
      const x = across(yaw);
      const line = { x1: x, x2: x, y1: PLOT.top, y2: floor + 9, class: "fm-lab-cursor" };
      parts.push(drawing("line", line));
    }
    plot.replaceChildren(...parts);
    plot.classList.toggle("fm-stale", !fresh);
    plot.setAttribute("aria-label", `Cosine to the frontal view over yaw. ${words.join("; ")}`);
    note.textContent = fresh
      ? "Cosine to the frontal view while the head turns; the strip gives the track its colours."
      : "This track is of an earlier face: turn the head again.";
  }

  return { node, draw };
}
