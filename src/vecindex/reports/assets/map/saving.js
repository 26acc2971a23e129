// The view as a picture: PNG, or SVG with the names of topics and the legend as text.

import { download } from "./work/files.js";

const ROW = 18, SIDE = 14, FONT = "system-ui, sans-serif";

const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** What stands below the picture: a line on the map, and the legend. */
function foot(viewer) {
  const { header, coloring, legend, scene, maps } = viewer;
  const shaded = scene.shaded ? `; ${scene.theme === "dark" ? "brighter" : "darker"} where points overlap` : "";
  const about = `${header.table}, map “${maps.shown.map}”, ${maps.shown.shown.toLocaleString("en-US")} ${header.by ?? "article"}s, by ${coloring.label}${shaded}`;
  const hex = (code) => `rgb(${scene.colors[code].join(" ")})`;
  const entries = coloring.kind === "category"
    ? coloring.names.map((name, code) => [hex(code), `${name} (${legend.tally[code].toLocaleString("en-US")})`])
    : [0, 64, 127, 190, 254].map((code) => [hex(code), legend.value(code)]);
  return { about, entries };
}

/** The view with its legend, as the text of an SVG file. */
function svg(viewer, labels) {
  const { scene, camera } = viewer;
  const { about, entries } = foot(viewer);
  const { width, height } = camera;
  const wide = Math.max(90, ...entries.map(([, text]) => 26 + 6.4 * text.length));
  const columns = Math.max(1, Math.floor((width - 2 * SIDE) / wide));
  const rows = Math.ceil(entries.length / columns);
  const total = Math.round(height + (rows + 2.5) * ROW);
  const { ink, paper } = scene.overlay.colors;
  const texts = labels.flatMap(({ lines, x, y, size, weight }) => lines.map((line, i) =>
    `<text x="${x.toFixed(1)}" y="${(y + (i - (lines.length - 1) / 2) * size * 1.16).toFixed(1)}" font-size="${size}" font-weight="${weight}" text-anchor="middle" dominant-baseline="central" fill="${ink}" stroke="${paper}" stroke-width="3" stroke-linejoin="round" paint-order="stroke">${escaped(line)}</text>`));
  const legend = entries.map(([color, text], i) => {
    const x = SIDE + (i % columns) * wide, y = height + (2 + Math.floor(i / columns)) * ROW;
    return `<circle cx="${x + 6}" cy="${y}" r="5" fill="${color}"/><text x="${x + 18}" y="${y}" font-size="11.5" dominant-baseline="central" fill="${ink}">${escaped(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-family="${FONT}">
<rect width="100%" height="100%" fill="${paper}"/>
<image width="${width}" height="${height}" href='${viewer.scene.raster().toDataURL("image/png")}'/>
${texts.join("\n")}
<text x="${SIDE}" y="${height + 0.8 * ROW}" font-size="12.5" font-weight="600" dominant-baseline="central" fill="${ink}">${escaped(about)}</text>
${legend.join("\n")}
</svg>
`;
}

/** The view with its legend on a canvas. */
function canvas(viewer) {
  const { scene, camera } = viewer;
  const { about, entries } = foot(viewer);
  const ratio = scene.canvas.width / camera.width;
  const made = document.createElement("canvas");
  const context = made.getContext("2d");
  context.font = `11.5px ${FONT}`;
  const wide = Math.max(90, ...entries.map(([, text]) => 34 + context.measureText(text).width));
  const columns = Math.max(1, Math.floor((camera.width - 2 * SIDE) / wide));
  made.width = scene.canvas.width;
  made.height = Math.round((camera.height + (Math.ceil(entries.length / columns) + 2.5) * ROW) * ratio);
  const { ink, paper } = scene.overlay.colors;
  context.fillStyle = paper;
  context.fillRect(0, 0, made.width, made.height);
  context.drawImage(scene.raster(), 0, 0);
  context.scale(ratio, ratio);
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.font = `600 12.5px ${FONT}`;
  context.fillText(about, SIDE, camera.height + 0.8 * ROW);
  context.font = `11.5px ${FONT}`;
  entries.forEach(([color, text], i) => {
    const x = SIDE + (i % columns) * wide, y = camera.height + (2 + Math.floor(i / columns)) * ROW;
    context.fillStyle = color;
    context.beginPath();
    context.arc(x + 6, y, 5, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = ink;
    context.fillText(text, x + 18, y);
  });
  return made;
}

/** @param {import("./viewer.js").Viewer} viewer */
export function onSave(viewer) {
  const name = (ending) => `${viewer.maps.shown.map}.${ending}`.replace(/[^\w.-]+/g, "-");
  const ready = () => viewer.header && viewer.scene.firstDrawMs !== null;
  viewer.find("save-png").addEventListener("click", () => {
    if (ready()) canvas(viewer).toBlob((blob) => download(name("png"), blob));
  });
  viewer.find("save-svg").addEventListener("click", () => {
    if (!ready()) return;
    const { overlay, labels } = viewer.scene;
    const texts = overlay.showLabels ? labels.texts(viewer.camera) : [];
    const shown = overlay.showLabels;
    overlay.showLabels = false;
    const text = svg(viewer, texts);
    overlay.showLabels = shown;
    viewer.scene.finish();
    download(name("svg"), text, "image/svg+xml");
  });
}
