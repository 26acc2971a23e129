// The buttons on the map that show or hide a part of what is drawn.

/** @param {import("./viewer.js").Viewer} viewer */
export function onToggles(viewer) {
  const toggle = (name, set) => {
    const button = viewer.find(name);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      for (const scene of viewer.maps.scenes) set(scene, on);
      viewer.scene.request();
    });
  };
  toggle("toggle-labels", (scene, on) => (scene.overlay.showLabels = on));
  toggle("toggle-questions", (scene, on) => (scene.overlay.showQuestions = on));
  toggle("toggle-shading", (scene, on) => scene.setShading(on));
}

/** Offer the shade where it says anything. @param {import("./viewer.js").Viewer} viewer */
export function offerShading(viewer) {
  const button = viewer.find("toggle-shading");
  button.hidden = !viewer.maps.scenes.some((scene) => scene.overlaps);
  button.title = `${viewer.scene.theme === "dark" ? "Brighter" : "Darker"} where points lie on top of each other`;
}
