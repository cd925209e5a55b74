const LONGEST = 640;
const QUALITY = 0.8;
const WORDS = {
  NotAllowedError:
    "The browser may not use the camera. Allow it beside the address of this page, then press Start again.",
  NotFoundError: "No camera is found. Plug one in and press Start again, or use a film (source=…).",
  OverconstrainedError: "This camera is gone. Choose another one, or press Start again.",
  NotReadableError: "Another program uses the camera. Close it, then press Start again.",
  AbortError: "The camera could not be started. Press Start to try again.",
  Insecure: "The browser gives the camera only to pages of this machine (127.0.0.1) or over https.",
};

function cameraWords(error) {
  return WORDS[error.name] ?? `The camera could not be started: ${error.message || error.name}`;
}

// The browser's camera: `lost()` hears when it goes in the middle. Frames are drawn on one canvas,
// and kept nowhere.
function createStream(lost) {
  const video = element("video");
  video.muted = true;
  video.playsInline = true;
  video.setAttribute("aria-label", "What the camera sees, mirrored");
  const canvas = document.createElement("canvas");
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  let stream = null;
  let asked = 0;

  function stop() {
    asked += 1;
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
    canvas.width = canvas.height = 0;
  }

  // False where it has been stopped before the person had answered the browser's question.
  async function start(device) {
    stop();
    const mine = asked;
    if (!navigator.mediaDevices?.getUserMedia) throw { name: "Insecure" };
    const size = { width: { ideal: 640 }, height: { ideal: 480 } };
    const choice = device ? { deviceId: { exact: device } } : { facingMode: "user" };
    const found = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...choice } });
    if (mine !== asked) {
      for (const track of found.getTracks()) track.stop();
      return false;
    }
    stream = found;
    for (const track of found.getTracks()) {
      track.addEventListener("ended", () => {
        if (stream !== found) return;
        stop();
        lost();
      });
    }
    video.srcObject = found;
    await video.play();
    return mine === asked;
  }

  async function devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    return all.filter(({ kind }) => kind === "videoinput");
  }

  // The newest frame as a small JPEG; null where there is none yet.
  async function grab() {
    const { videoWidth, videoHeight } = video;
    if (!stream || !videoWidth) return null;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    ink.drawImage(video, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return blob && (await blob.arrayBuffer());
  }

  const current = () => stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  return { video, start, stop, devices, grab, current };
}
