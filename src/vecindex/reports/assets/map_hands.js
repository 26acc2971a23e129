// Hands on the map: dragging, the wheel, two fingers, double click and keys.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  const NOT_A_DRAG = 5;
  const STEP = 90;

  /**
   * Listen on an element. `told` gets: `point(px, py, touch)` where the pointer is, `leave()`, `pick(px, py, touch)` a
   * click that was not a drag, `hold(dragging)`, `middle()` after a key moved the map, `enter()` the Enter key.
   */
  function hands(element, camera, told) {
    const down = new Map();
    let moved = false, last_tap = null;

    const at = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };

    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      camera.halt();
      down.set(event.pointerId, at(event));
      if (down.size === 1) moved = false;
      else moved = true;
    });

    element.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      const before = down.get(event.pointerId);
      if (!before) {
        told.point(x, y, event.pointerType === "touch");
        return;
      }
      if (down.size === 1) {
        if (!moved && Math.hypot(x - before[0], y - before[1]) < NOT_A_DRAG) return;
        if (!moved) told.hold(true);
        moved = true;
        camera.pan(x - before[0], y - before[1]);
        down.set(event.pointerId, [x, y]);
        return;
      }
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      const middle = (p) => [(p[0] + other[0]) / 2, (p[1] + other[1]) / 2];
      const [mx, my] = middle(before), [nx, ny] = middle([x, y]);
      down.set(event.pointerId, [x, y]);
      camera.pan(nx - mx, ny - my);
      camera.zoom_at(nx, ny, apart([x, y]) / Math.max(1, apart(before)));
    });

    const up = (event) => {
      if (!down.delete(event.pointerId)) return;
      const [x, y] = at(event);
      if (moved) {
        if (down.size === 0) told.hold(false);
        return;
      }
      if (event.type === "pointercancel") return;
      const touch = event.pointerType === "touch";
      const again = last_tap && event.timeStamp - last_tap.time < 320 && Math.hypot(x - last_tap.x, y - last_tap.y) < 24;
      last_tap = again ? null : { x, y, time: event.timeStamp };
      if (again) camera.glide(x, y, event.shiftKey ? 0.5 : 2);
      else told.pick(x, y, touch);
    };
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    // Or a tap would click a second time, on what it made appear under the finger.
    element.addEventListener("touchend", (event) => event.cancelable && event.preventDefault(), { passive: false });
    element.addEventListener("pointerleave", () => told.leave());

    element.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
        // Two fingers on a touchpad come as a wheel with Ctrl, in small steps.
        const speed = event.ctrlKey ? 0.01 : 0.0018;
        const step = Math.max(-0.9, Math.min(0.9, -event.deltaY * unit * speed));
        camera.glide(...at(event), Math.exp(step));
      },
      { passive: false },
    );

    const keys = {
      ArrowLeft: () => camera.slide(STEP, 0),
      ArrowRight: () => camera.slide(-STEP, 0),
      ArrowUp: () => camera.slide(0, STEP),
      ArrowDown: () => camera.slide(0, -STEP),
      "+": () => camera.glide(camera.width / 2, camera.height / 2, 1.6),
      "=": () => camera.glide(camera.width / 2, camera.height / 2, 1.6),
      "-": () => camera.glide(camera.width / 2, camera.height / 2, 1 / 1.6),
      0: () => camera.go_home(),
      Home: () => camera.go_home(),
    };
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter") told.enter();
      else if (keys[event.key]) keys[event.key]();
      else return;
      event.preventDefault();
      if (event.key !== "Enter") told.middle();
    });
  }

  Object.assign(parts, { hands });
}
