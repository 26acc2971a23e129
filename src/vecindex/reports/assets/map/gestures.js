// Gestures on the map: dragging, the wheel, two fingers, double click and keys.

const NOT_A_DRAG = 5;
const STEP = 90;
// Two taps within this time, so near to each other, are a double tap.
const DOUBLE_MS = 320, DOUBLE_REACH = 24;
// With Shift.
const SMALL_STEP = 12;

/**
 * Listen on a canvas. `on.point(px, py, touch)` gets the pointer's position, `on.pick(px, py, touch)` a click that
 * was not a drag, `on.leave()`, `on.hold(dragging)`, `on.middle()` after a key moved the map, `on.enter()` the Enter
 * key, `on.next()` the key for the next map. `on.tools` draws: a drag and a key are offered to it first.
 *
 * @param {HTMLElement} canvas
 * @param {import("./camera.js").Camera} camera
 * @param {any} on
 */
export function onGestures(canvas, camera, on) {
  const down = new Map();
  let moved = false, drawing = false, lastTap = null, waiting = 0;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(waiting);
    camera.halt();
    down.set(event.pointerId, at(event));
    if (down.size === 1) moved = false;
    else {
      moved = true;
      if (drawing) on.tools.cancel();
      drawing = false;
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = down.get(event.pointerId);
    if (!before) {
      on.point(x, y, event.pointerType === "touch");
      return;
    }
    if (down.size === 1) {
      if (!moved && Math.hypot(x - before[0], y - before[1]) < NOT_A_DRAG) return;
      if (!moved) {
        on.hold(true);
        drawing = on.tools.begin(...before, event);
      }
      moved = true;
      if (drawing) on.tools.move(x, y);
      else camera.pan(x - before[0], y - before[1]);
      down.set(event.pointerId, [x, y]);
      return;
    }
    const other = [...down].find(([id]) => id !== event.pointerId)[1];
    const distance = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
    const middle = (p) => [(p[0] + other[0]) / 2, (p[1] + other[1]) / 2];
    const [mx, my] = middle(before), [nx, ny] = middle([x, y]);
    down.set(event.pointerId, [x, y]);
    camera.pan(nx - mx, ny - my);
    camera.zoomAt(nx, ny, distance([x, y]) / Math.max(1, distance(before)));
  });

  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    const [x, y] = at(event);
    if (moved) {
      if (drawing && event.type === "pointercancel") on.tools.cancel();
      else if (drawing) on.tools.end();
      drawing = false;
      if (down.size === 0) on.hold(false);
      return;
    }
    if (event.type === "pointercancel") return;
    const touch = event.pointerType === "touch";
    const again = lastTap && event.timeStamp - lastTap.time < DOUBLE_MS && Math.hypot(x - lastTap.x, y - lastTap.y) < DOUBLE_REACH;
    lastTap = again ? null : { x, y, time: event.timeStamp };
    if (again) camera.glide(x, y, event.shiftKey ? 0.5 : 2);
    else if (!touch) on.pick(x, y, touch);
    // A card would open under the finger that taps a second time.
    else waiting = setTimeout(() => on.pick(x, y, touch), DOUBLE_MS);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  // Otherwise a tap would click again, on whatever it made appear under the finger, and after a drag the browser would
  // take the next tap as the end of a scroll.
  for (const kind of ["touchstart", "touchend"]) {
    canvas.addEventListener(kind, (event) => event.cancelable && event.preventDefault(), { passive: false });
  }
  canvas.addEventListener("pointerleave", () => on.leave());

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
      // A pinch on a touchpad arrives as a wheel with Ctrl, in small steps.
      const speed = event.ctrlKey ? 0.01 : 0.0018;
      const step = Math.max(-0.9, Math.min(0.9, -event.deltaY * unit * speed));
      camera.glide(...at(event), Math.exp(step));
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: (step) => camera.slide(step, 0),
    ArrowRight: (step) => camera.slide(-step, 0),
    ArrowUp: (step) => camera.slide(0, step),
    ArrowDown: (step) => camera.slide(0, -step),
    "+": () => camera.glide(camera.width / 2, camera.height / 2, 1.6),
    "=": () => camera.glide(camera.width / 2, camera.height / 2, 1.6),
    "-": () => camera.glide(camera.width / 2, camera.height / 2, 1 / 1.6),
    0: () => camera.goHome(),
    Home: () => camera.goHome(),
    m: () => on.next?.(),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const drawn = on.tools.key(event);
    if (drawn) { /* The tool has used it. */ }
    else if (event.key === "Enter") on.enter();
    else if (keys[event.key]) keys[event.key](event.shiftKey ? SMALL_STEP : STEP);
    else return;
    event.preventDefault();
    if (!drawn && event.key !== "Enter") on.middle();
  });
}
