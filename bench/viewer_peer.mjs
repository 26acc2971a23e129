// The points of a vecindex page drawn by regl-scatterplot, and what viewer.py asks of a page.
import createScatterplot from "regl-scatterplot";

const COLORS = [
  "#20458a", "#e5b33b", "#a993ff", "#a8350f", "#16b2a0", "#7a52bc", "#85a424", "#0a8db2", "#944972", "#4ec7eb",
  "#7b1469", "#0b6939", "#96c881", "#dc526d", "#9f6f21", "#b4bcc4",
];

async function section(name) {
  const text = document.getElementById(`map-section-${name}`).textContent;
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start() {
  const header = JSON.parse(document.getElementById("map-header").textContent);
  const [bytes, codes] = await Promise.all([section("points"), section(`color:${header.colorings[0].key}`)]);
  const steps = new Uint16Array(bytes.buffer);
  const points = Array.from(codes, (code, i) => [
    steps[2 * i] / 32767.5 - 1, steps[2 * i + 1] / 32767.5 - 1, Math.min(code, COLORS.length - 1),
  ]);
  const canvas = document.getElementById("canvas");
  const { width, height } = canvas.getBoundingClientRect();
  const performanceMode = document.body.dataset.mode === "performance";
  const plot = createScatterplot({
    canvas, width, height, performanceMode,
    pointSize: 2, pointColor: COLORS, colorBy: "valueA", opacity: 0.5,
    backgroundColor: "#ffffff", aspectRatio: 1,
  });
  await plot.draw(points, { zDataType: "categorical" });
  // Reading one pixel waits until what was asked for is drawn.
  canvas.getContext("2d").getImageData(width / 2, height / 2, 1, 1);
  globalThis.peer = {
    plot,
    firstDrawMs: performance.now(),
    view: () => plot.get("cameraView").join(" "),
    zoom: (times) => plot.zoomToLocation([0, 0], 1 / times),
  };
}

start();
