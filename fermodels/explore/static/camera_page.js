const PATIENCE = 12000; // milliseconds: a kernel that takes longer for a frame is taken for dead
const LEFT = "The camera was turned off because you left this page. Press Start to go on.";
const SILENT = "The kernel does not answer, so the camera was turned off. Press Start to try again.";
const LOST = "The camera is gone: unplugged, or taken by another program. Press Start to go on.";

function createChoice(className, text) {
  const label = element("label", "fm-choice", text);
  const menu = element("select", className);
  label.append(menu);
  const fill = (options, chosen) => {
    menu.replaceChildren(
      ...options.map(([value, name]) => {
        const option = element("option", "", name);
        option.value = value;
        return option;
      }),
    );
    menu.value = options.some(([value]) => value === chosen) ? chosen : options[0]?.[0];
  };
  return { label, menu, fill };
}

function render({ model, el }) {
  const film = model.get("film");
  const root = element("div", "fm-lab fm-camera");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Camera lab");
  // JupyterLab would take the keys for itself.
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });

  // The parts of the face lab draw what they get from `view`; none of it is kept by the notebook.
  const nothing = () => ({ columns: undefined, fresh: true, alt: "The face", marks: [] });
  const state = { result: nothing(), track: {}, values: { yaw: undefined } };
  const view = { get: (name) => (name in state ? state[name] : model.get(name)) };
  // False where there is no kernel any more to send to.
  function send(type, content = {}, buffers = undefined) {
    try {
      model.send({ type, ...content }, undefined, buffers);
    } catch {
      return false;
    }
    return true;
  }

  const pictures = createPictures();
  const stream = createStream(() => stop(LOST));
  const stage = createStage(stream.video, film);
  const start = button("fm-start", "Start", film ? "Play the film" : "Turn the camera on");
  const cameras = createChoice("fm-device", "Camera");
  const rates = createChoice("fm-rate", "Frames a second, at most");
  const pace = element("span", "fm-pace");
  const status = element("p", "fm-words");
  status.setAttribute("role", "status");
  const crop = element("img", "fm-crop");
  crop.alt = "The crop that the encoders get";
  const yaw = element("div", "fm-yaw");
  const guide = createGuide(model.get("angles"), film, (type) => {
    send(type);
    if (type === "cancel") drawGuide(null);
  });
  const views = createViews(view, pictures.get);
  const record = createRecord(model, send);

  const controls = element("div", "fm-controls-row");
  controls.append(start, cameras.label, rates.label);
  const seen = element("div", "fm-seen");
  const about = element("div", "fm-about");
  about.append(yaw, element("div", "fm-lab-note", "what the encoders get"), pace);
  seen.append(crop, about);
  const left = element("div", "fm-camera-left");
  left.append(stage.node, controls, status, seen, guide.node, record.node);

  const right = element("div", "fm-camera-right");
  const near = [];
  const columns = createColumns(view, (name) => {
    near.push(createNear(name, pictures.get));
    return near.at(-1).node;
  });
  const { maps, bars } = columns;
  if (columns.mapped) right.append(createLegend(view, film ? "this face" : "you now", "recorded"));
  right.append(columns.node, views.node);
  const body = element("div", "fm-camera-body");
  body.append(left, right);
  root.append(body);
  el.append(root);

  let running = 0; // number of this run; 0 while the camera is off
  let runs = 0;
  let number = 0;
  let answered = null;
  let last = [];
  let before = 0;

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function show(mode) {
    root.dataset.state = mode;
    stage.show(mode === "on");
    start.textContent = mode === "off" ? "Start" : "Stop";
    start.title = mode === "off" ? (film ? "Play the film" : "Turn the camera on") : "Turn it off";
  }

  function stop(words = "") {
    const was = running;
    running = 0;
    stream.stop();
    answered?.(null);
    show("off");
    say(words);
    drawFrame({ face: null, columns: [], guide: null });
    pictures.clear((name) => name === "crop" || name === "frame");
    crop.removeAttribute("src");
    pace.textContent = "";
    if (was) send("stopped");
  }

  async function begin() {
    const mine = (running = ++runs);
    say("");
    show("asking");
    try {
      if (!film && !(await stream.start(cameras.menu.value))) return;
    } catch (error) {
      if (mine === running) stop(cameraWords(error));
      return listCameras(); // the one that was chosen may be gone
    }
    if (mine !== running) return;
    send("started");
    show("on");
    await listCameras();
    await run(mine);
  }

  async function listCameras() {
    if (film) return;
    const found = await stream.devices();
    cameras.label.hidden = found.length < 2;
    const named = found.map(({ deviceId, label }, i) => [deviceId, label || `camera ${i + 1}`]);
    cameras.fill(named, stream.current() || cameras.menu.value);
  }

  // One frame is under way at most; the next one is taken when it has been answered.
  async function run(mine) {
    last = [];
    let first = true;
    while (mine === running) {
      const began = performance.now();
      if (!root.getClientRects().length) return stop(LEFT);
      const picture = film ? undefined : await stream.grab();
      if (mine !== running) return;
      if (picture !== null) {
        const answer = await ask(picture, first);
        if (mine !== running) return;
        if (!answer) return stop(SILENT);
        if (answer.over) return stop(answer.words);
        first = false;
      }
      const rest = 1000 / model.get("rate") - (performance.now() - began);
      await new Promise((done) => setTimeout(done, Math.max(rest, 0)));
    }
  }

  function ask(picture, restart) {
    number += 1;
    const buffers = picture ? [picture] : undefined;
    return new Promise((done) => {
      const timer = setTimeout(() => done(null), PATIENCE);
      answered = (answer) => {
        clearTimeout(timer);
        answered = null;
        done(answer);
      };
      if (!send("frame", { number, restart }, buffers)) answered(null);
    });
  }

  function drawGuide(message) {
    guide.draw(message, state.values.yaw, running > 0 && root.dataset.state === "on");
  }

  function drawFrame(answer) {
    const angle = answer.face?.yaw;
    state.values = { yaw: angle ?? undefined };
    state.result = { ...state.result, columns: answer.columns.length ? answer.columns : undefined };
    stage.draw(answer);
    yaw.textContent = answer.face ? `yaw about ${degrees(angle ?? 0)}` : "";
    for (const map of maps) map.draw();
    for (const bar of bars) bar.draw();
    near.forEach((part, i) => part.draw(answer.columns[i]?.near ?? []));
    if (state.track.yaws) views.cursor();
    drawGuide(answer.guide);
  }

  function gotFrame(answer) {
    if (!running || answer.number !== number) {
      pictures.clear((name) => name === "crop" || name === "frame");
      return;
    }
    if (answer.pictures.includes("frame")) stage.frame.src = pictures.get("frame");
    if (answer.pictures.includes("crop")) crop.src = pictures.get("crop");
    else crop.removeAttribute("src");
    if (!answer.over) drawFrame(answer);
    say(answer.words);
    root.dataset.number = answer.number;
    root.dataset.yaw = answer.face?.yaw ?? "";
    const now = performance.now();
    last = [...last.filter((time) => now - time < 3000), now];
    if (last.length > 3 && now - before > 1000) {
      before = now;
      const speed = (1000 * (last.length - 1)) / (now - last[0]);
      pace.textContent = `${speed.toFixed(0)} updates a second`;
    }
    answered?.(answer);
  }

  function gotTurned({ track, sentence }) {
    state.track = track;
    views.draw(sentence);
    record.views(track.yaws.length);
    for (const map of maps) map.draw();
    drawGuide(null);
  }

  function dropViews() {
    state.track = {};
    pictures.clear((name) => name.startsWith("view"));
    views.draw("");
    record.views(0);
    for (const map of maps) map.draw();
  }

  function gotOwn(message) {
    state.result = { ...state.result, marks: message.marks };
    record.own(message);
    for (const map of maps) map.draw();
  }

  function forgotten() {
    pictures.clear();
    state.result = nothing();
    near.forEach((part) => part.draw([]));
    dropViews();
    crop.removeAttribute("src");
  }

  const hear = {
    seen: gotFrame,
    turned: gotTurned,
    own: gotOwn,
    discarded: dropViews,
    forgotten,
    said: record.say,
  };
  function heard(content, buffers) {
    content.pictures.forEach((name, i) => pictures.put(name, buffers[i]));
    hear[content.type]?.(content);
  }

  const whenHidden = () => running && document.visibilityState === "hidden" && stop(LEFT);
  const gone = () => stop(LEFT);
  const dead = () => running && stop(SILENT);
  document.addEventListener("visibilitychange", whenHidden);
  navigator.mediaDevices?.addEventListener("devicechange", listCameras);
  window.addEventListener("pagehide", gone);
  model.on("msg:custom", heard);
  model.on("comm:close", dead);
  model.on("comm_live_update", dead);
  start.addEventListener("click", () => (running ? stop() : begin()));
  cameras.menu.addEventListener("change", () => running && begin());
  rates.menu.addEventListener("change", () => {
    model.set("rate", Number(rates.menu.value));
    model.save_changes();
  });
  const rate = model.get("rate");
  const choices = [...new Set([2, 5, 10, 15, rate])].sort((a, b) => a - b);
  rates.fill(choices.map((value) => [value, `${value}`]), rate);
  cameras.label.hidden = true;
  show("off");
  views.draw("");
  drawFrame({ face: null, columns: [], guide: null });
  send("ready");

  return () => {
    document.removeEventListener("visibilitychange", whenHidden);
    navigator.mediaDevices?.removeEventListener("devicechange", listCameras);
    window.removeEventListener("pagehide", gone);
    model.off("msg:custom", heard);
    model.off("comm:close", dead);
    model.off("comm_live_update", dead);
    stop();
    pictures.clear();
    for (const map of maps) map.remove();
  };
}

export default { render };
