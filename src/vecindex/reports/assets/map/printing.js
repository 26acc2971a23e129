// Printing: while the page is printed, a still picture replaces the drawing.

import { palette } from "./colors.js";

/** @param {import("./viewer.js").Viewer} viewer */
export function onPrint(viewer) {
  const { scene, legend } = viewer;
  const stage = viewer.find("stage");
  const remove = () => stage.querySelector(".vmap-print")?.remove();
  addEventListener("beforeprint", () => {
    remove();
    if (!viewer.header || scene.firstDrawMs === null) return;
    const picture = scene.stillPicture();
    picture.className = "vmap-print";
    legend.draw(palette(viewer.coloring, "light"));
    stage.prepend(picture);
  });
  addEventListener("afterprint", () => {
    remove();
    scene.endPrint();
    if (viewer.header) legend.draw(scene.colors);
  });
}
