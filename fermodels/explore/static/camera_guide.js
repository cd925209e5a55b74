// Five angles to turn to, and the views that came of it.
function createGuide(angles, film, send) {
  const node = element("section", "fm-guide");
  node.setAttribute("aria-label", "Turn the head");
  const begin = button("fm-turn", "Turn the head", "Take a view of you from five angles, and compare them");
  const enough = button("fm-enough", "Take these", "Compare the views that there are");
  const cancel = button("fm-cancel", "Cancel", "Take no views");
  const buttons = element("div", "fm-lab-buttons");
  buttons.append(begin, enough, cancel);
  const words = element("p", "fm-guide-words");
  words.setAttribute("aria-live", "polite");
  const scale = element("div", "fm-scale");
  const needle = element("div", "fm-needle");
  const stops = angles.map((angle) => {
    const stop = element("div", "fm-stop", degrees(angle));
    stop.style.left = `${place(angle)}%`;
    scale.append(stop);
    return stop;
  });
  scale.append(needle);
  node.append(buttons, words, scale);

  function place(yaw) {
    return 8 + (84 * (Math.min(Math.max(yaw, -90), 90) + 90)) / 180;
  }

  function arrow(wanted) {
    // The image is a mirror: who turns to their right turns to the right of the screen.
    if (film || !wanted) return "";
    return wanted < 0 ? " →" : "← ";
  }

  function draw(guide, yaw, on) {
    begin.disabled = !on;
    begin.hidden = Boolean(guide);
    enough.hidden = cancel.hidden = !guide;
    node.classList.toggle("fm-asking", Boolean(guide));
    needle.hidden = yaw === null || yaw === undefined;
    if (!needle.hidden) needle.style.left = `${place(yaw)}%`;
    scale.setAttribute("role", "img");
    scale.setAttribute("aria-label", needle.hidden ? "yaw not known" : `yaw about ${degrees(yaw)}`);
    if (!guide) {
      words.textContent = "";
      for (const stop of stops) stop.className = "fm-stop";
      return;
    }
    enough.disabled = !guide.can_end;
    const mark = arrow(guide.wanted);
    const text = guide.wanted > 0 ? mark + guide.words : guide.words + mark;
    if (words.textContent !== text) words.textContent = text;
    stops.forEach((stop, i) => {
      stop.classList.toggle("fm-wanted", angles[i] === guide.wanted);
      stop.classList.toggle("fm-some", guide.counts[i] > 0);
    });
  }

  begin.addEventListener("click", () => send("turn"));
  enough.addEventListener("click", () => send("enough"));
  cancel.addEventListener("click", () => send("cancel"));
  return { node, draw, begin };
}

// The five views side by side, what they show in a sentence, and the curve.
function createViews(view, urlOf) {
  const node = element("section", "fm-views");
  node.setAttribute("aria-label", "Your views");
  const strip = element("div", "fm-strip");
  const sentence = element("p", "fm-sentence");
  sentence.setAttribute("aria-live", "polite");
  const curve = createTurn(view);
  node.append(strip, sentence, curve.node);

  function draw(said) {
    node.hidden = !said;
    if (!said) {
      strip.replaceChildren();
      sentence.textContent = "";
      curve.draw();
      return;
    }
    const yaws = view.get("track").yaws;
    strip.replaceChildren(
      ...yaws.map((yaw, i) => {
        const tile = element("figure", "fm-view");
        const image = element("img");
        image.src = urlOf(`view ${i}`);
        image.alt = `You from ${degrees(Math.round(yaw))}`;
        tile.append(image, element("figcaption", "", degrees(Math.round(yaw))));
        return tile;
      }),
    );
    sentence.textContent = said;
    curve.draw();
  }

  return { node, draw, cursor: curve.draw };
}
