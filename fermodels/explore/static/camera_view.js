// What the camera or the film shows, with the face's box and landmarks; and the crop beside it.
function createStage(video, film) {
  const node = element("div", "fm-stage");
  const frame = film ? element("img", "fm-frame") : video;
  if (film) frame.alt = "";
  const over = element("canvas", "fm-over");
  const sign = element("div", "fm-sign");
  const empty = element("div", "fm-stage-empty", film ? "The film is not playing." : "The camera is off.");
  node.classList.toggle("fm-mirrored", !film);
  node.append(frame, over, empty, sign);
  const ink = over.getContext("2d", { willReadFrequently: true });

  function draw({ size, face }) {
    [over.width, over.height] = size ?? [4, 3];
    if (!face) return;
    const [x0, y0, x1, y1] = face.box;
    for (const [color, line] of [["#fff", 5], ["#0060b0", 2.5]]) {
      ink.strokeStyle = color;
      ink.lineWidth = line;
      ink.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    for (const [x, y] of face.landmarks) {
      ink.beginPath();
      ink.arc(x, y, 4, 0, 2 * Math.PI);
      ink.fillStyle = "#fff";
      ink.fill();
      ink.lineWidth = 2;
      ink.stroke();
    }
  }

  function show(on) {
    node.classList.toggle("fm-on", on);
    sign.textContent = on ? (film ? "film" : "camera on") : "";
    empty.hidden = on;
    if (!on) draw({});
    if (!on && film) frame.removeAttribute("src");
  }

  return { node, frame, draw, show };
}

// The faces nearest to the one before the camera, for encoder number `index`.
function createNear(name, urlOf) {
  const node = element("div", "fm-near");
  node.setAttribute("role", "list");
  node.setAttribute("aria-label", `Faces nearest to yours for ${name}`);
  const title = element("div", "fm-near-title", "nearest faces in the full space");
  let last = "";

  function draw(near) {
    const now = near.map(({ key, distance }) => `${key} ${distance}`).join();
    if (now === last) return;
    last = now;
    const tiles = near.map(({ key, own, caption, color, distance }) => {
      const tile = element("figure", own ? "fm-near-tile fm-own" : "fm-near-tile");
      tile.setAttribute("role", "listitem");
      tile.title = caption;
      tile.style.borderBottomColor = color;
      const image = element("img");
      image.src = urlOf(key);
      image.alt = caption;
      const words = own ? `own ${distance.toFixed(2)}` : distance.toFixed(2);
      tile.append(image, element("figcaption", "", words));
      return tile;
    });
    node.replaceChildren(...(tiles.length ? [title] : []), ...tiles);
  }

  return { node, draw };
}

// Images by name, as the kernel sends them once each.
function createPictures() {
  const urls = new Map();
  function put(name, bytes) {
    drop(name);
    urls.set(name, URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
  }
  function drop(name) {
    const url = urls.get(name);
    urls.delete(name);
    // An element may still be loading it.
    if (url) setTimeout(() => URL.revokeObjectURL(url), 3000);
  }
  function clear(which = () => true) {
    for (const name of [...urls.keys()]) if (which(name)) drop(name);
  }
  return { put, clear, get: (name) => urls.get(name) ?? "" };
}
