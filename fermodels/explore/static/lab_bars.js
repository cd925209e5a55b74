// The probabilities that encoder number `index` leads to: a bar a class.
function createBars(model, index) {
  const name = model.get("encoders")[index];
  const node = element("div", "fm-lab-bars");
  node.setAttribute("role", "list");
  node.setAttribute("aria-label", `Probabilities of ${name}`);
  const bars = model.get("classes").map((item) => {
    const row = element("div", "fm-probability");
    row.setAttribute("role", "listitem");
    row.dataset.encoder = name;
    row.dataset.name = item.name;
    const track = element("span", "fm-lab-track");
    track.setAttribute("aria-hidden", "true");
    const fill = element("span", "fm-lab-fill");
    fill.style.background = item.color;
    track.append(fill);
    const number = element("span", "fm-lab-number");
    row.append(element("span", "fm-lab-class", item.name.replaceAll("_", " ")), track, number);
    node.append(row);
    return { row, fill, number };
  });

  function draw() {
    const shares = model.get("result").columns?.[index].probabilities;
    node.hidden = !shares;
    if (!shares) return;
    const most = Math.max(...shares.map((share) => share ?? 0));
    bars.forEach(({ row, fill, number }, i) => {
      const share = shares[i];
      row.hidden = share === null;
      row.dataset.value = share;
      row.classList.toggle("fm-most", share === most);
      fill.style.width = `${100 * share}%`;
      number.textContent = (share ?? 0).toFixed(2);
    });
  }

  return { node, draw };
}
