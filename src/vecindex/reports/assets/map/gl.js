// Drawing points with WebGL2: some at a time into a picture larger than the view, which is then shown.

/** @typedef {[string, string]} Shaders vertex and fragment */

/** @type {Shaders} */
const POINTS = [
  `#version 300 es
  precision highp float;
  layout(location = 0) in vec2 point;
  layout(location = 1) in float code;
  layout(location = 2) in float highlighted;
  uniform vec2 middle;
  uniform vec2 scale;
  uniform float side;
  uniform float passHighlighted;
  uniform float alpha;
  uniform vec4 plain;
  uniform sampler2D palette;
  flat out vec4 color;
  void main() {
    gl_PointSize = side + 1.0;
    if (passHighlighted >= 0.0 && highlighted != passHighlighted) {
      gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
      return;
    }
    gl_Position = vec4((point - middle) * scale, 0.0, 1.0);
    color = plain.a > 0.0 ? vec4(plain.rgb, alpha) : vec4(texelFetch(palette, ivec2(int(code), 0), 0).rgb, alpha);
  }`,
  `#version 300 es
  precision highp float;
  flat in vec4 color;
  uniform float side;
  out vec4 pixel;
  void main() {
    float off = length(gl_PointCoord - 0.5) * (side + 1.0);
    float a = color.a * clamp(side * 0.5 - off + 0.5, 0.0, 1.0);
    pixel = vec4(color.rgb, a);
  }`,
];
/** @type {Shaders} */
const QUAD = [
  `#version 300 es
  precision highp float;
  uniform vec4 box;
  out vec2 at;
  void main() {
    vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
    at = corner;
    gl_Position = vec4(box.xy + corner * box.zw, 0.0, 1.0);
  }`,
  `#version 300 es
  precision highp float;
  in vec2 at;
  uniform sampler2D picture;
  uniform vec3 paper;
  uniform float strength;
  out vec4 pixel;
  void main() {
    pixel = vec4(mix(paper, texture(picture, at).rgb, strength), 1.0);
  }`,
];

/** @type {Shaders} */
const SHADE = [
  QUAD[0],
  `#version 300 es
  precision highp float;
  in vec2 at;
  uniform sampler2D shade;
  uniform vec3 tint;
  out vec4 pixel;
  void main() {
    pixel = vec4(tint, texture(shade, at).r);
  }`,
];

// Software WebGL: browsers do not report it as slow, but for points it is.
function isEmulated(gl) {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

function program(gl, [vertex, fragment]) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`the map's shaders do not link: ${gl.getProgramInfoLog(made)}`);
  }
  const at = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(made, i);
    at[name] = gl.getUniformLocation(made, name);
  }
  return { made, at };
}

/**
 * One of two painters (the other: FlatPainter). A picture is a rectangle of the map; `fill` draws some more of its
 * points, `show` draws pictures on the screen.
 */
export class GlPainter {
  /** Return one, or null without a graphics card; with `emulated`, software WebGL is good enough. */
  static open(canvas, emulated = false) {
    const wanted = { alpha: false, antialias: false, depth: false, stencil: false };
    const gl = canvas.getContext("webgl2", { ...wanted, failIfMajorPerformanceCaveat: !emulated });
    if (!gl) return null;
    if (emulated || !isEmulated(gl)) return new GlPainter(canvas, gl);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    return null;
  }

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.name = "WebGL2";
    this.points = program(gl, POINTS);
    this.quad = program(gl, QUAD);
    this.shade = program(gl, SHADE);
    this.shades = gl.createTexture();
    this.vertices = gl.createVertexArray();
    this.nothing = gl.createVertexArray();
    this.buffers = [0, 1, 2].map(() => gl.createBuffer());
    this.palette = gl.createTexture();
    this.largest = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE), 8192);
    this.waiting = null;
    // Points drawn between two looks at the clock; adapts to the machine.
    this.budget = 25000;
  }

  #bytes(index, data, size, type) {
    const { gl } = this;
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[index]);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(index);
    gl.vertexAttribPointer(index, size, type, false, 0, 0);
  }

  /** Set the coordinates by slot, two uint16 per point. */
  setPoints(xy) {
    this.#bytes(0, xy, 2, this.gl.UNSIGNED_SHORT);
  }

  /** Set the codes by slot. */
  setCodes(codes) {
    this.#bytes(1, codes, 1, this.gl.UNSIGNED_BYTE);
  }

  /** Set which slots are highlighted (1) and which are not (0). */
  setHighlighted(highlighted) {
    this.#bytes(2, highlighted, 1, this.gl.UNSIGNED_BYTE);
  }

  /** Set 256 colors, each [r, g, b]. */
  setPalette(colors) {
    const { gl } = this;
    const data = new Uint8Array(256 * 4);
    colors.forEach(([r, g, b], i) => data.set([r, g, b, 255], 4 * i));
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** Return an empty picture, sized in pixels; an old one of the same size is reused. */
  picture(width, height, old) {
    const { gl } = this;
    if (old && old.width === width && old.height === height) return old;
    if (old) this.drop(old);
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGB8, width, height);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) gl.texParameteri(gl.TEXTURE_2D, name, value);
    const frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    return { width, height, texture, frame };
  }

  forget() {
    // It keeps nothing but pictures.
  }

  drop(picture) {
    this.gl.deleteTexture(picture.texture);
    this.gl.deleteFramebuffer(picture.frame);
  }

  /** Nothing is drawn any more: a page may have few WebGL contexts. */
  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** Whether the points of the last `fill` are still being drawn. */
  busy() {
    const { gl } = this;
    if (!this.waiting) return false;
    if (gl.getSyncParameter(this.waiting.sync, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) return true;
    gl.deleteSync(this.waiting.sync);
    const took = performance.now() - this.waiting.since;
    if (this.waiting.timed) this.budget *= took < 19 ? 1.3 : took > 28 ? 0.7 : 1;
    this.budget = Math.min(4e6, Math.max(8000, this.budget));
    this.waiting = null;
    return false;
  }

  /** Wait until the points of the last `fill` are drawn. */
  settle() {
    this.pixel(0, 0);
    // The sync is not signaled before this task ends.
    if (this.waiting) this.gl.deleteSync(this.waiting.sync);
    this.waiting = null;
  }

  /**
   * Draw more of a picture's points; true when all are.
   *
   * `look`: the rectangle (its center `x`, `y`, and `scale` in pixels per unit), the `paper` color, the `ranges` of slots,
   * and `passes`, each with `highlighted` (-1 any, 0, 1), `side` and `alpha` of a point, and perhaps `plain`, one color
   * for all; at last `shade`, which is drawn over them (see Density), and its color `tint`; null for none.
   */
  fill(picture, look, still) {
    const { gl } = this;
    const { at } = this.points;
    gl.bindFramebuffer(gl.FRAMEBUFFER, picture.frame);
    gl.viewport(0, 0, picture.width, picture.height);
    gl.disable(gl.SCISSOR_TEST);
    if (!look.begun) {
      gl.clearColor(...look.paper.map((v) => v / 255), 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      look.begun = true;
      look.todo = look.passes.flatMap((pass) => look.ranges.map(([first, end]) => ({ pass, first, end })));
      look.next = 0;
    }
    gl.useProgram(this.points.made);
    gl.bindVertexArray(this.vertices);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.uniform1i(at.palette, 0);
    gl.uniform2f(at.middle, look.x, look.y);
    gl.uniform2f(at.scale, (2 * look.scale) / picture.width, (2 * look.scale) / picture.height);
    // An integer: the fraction of a point would never be used up.
    let left = Math.floor(still ? 2 * this.budget : this.budget);
    while (left > 0 && look.next < look.todo.length) {
      const range = look.todo[look.next];
      const { pass } = range;
      const count = Math.min(left, range.end - range.first);
      gl.uniform1f(at.side, pass.side);
      gl.uniform1f(at.alpha, pass.alpha);
      gl.uniform1f(at.passHighlighted, pass.highlighted);
      gl.uniform4f(at.plain, ...(pass.plain ?? [0, 0, 0]).map((v) => v / 255), pass.plain ? 1 : 0);
      gl.drawArrays(gl.POINTS, range.first, count);
      range.first += count;
      left -= count;
      if (range.first === range.end) look.next++;
    }
    const done = look.next === look.todo.length;
    if (done && look.shade) this.#shade(picture, look);
    // Only a full budget shows whether it may grow.
    const timed = left <= 0 && !still;
    this.waiting = { sync: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), since: performance.now(), timed };
    gl.flush();
    return done;
  }

  #shade({ width, height }, { shade, x, y, scale }) {
    const { gl } = this;
    const { at } = this.shade;
    gl.useProgram(this.shade.made);
    gl.bindVertexArray(this.nothing);
    gl.bindTexture(gl.TEXTURE_2D, this.shades);
    if (this.shaded !== shade.alpha) {
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, shade.wide, shade.high, 0, gl.RED, gl.UNSIGNED_BYTE, shade.alpha);
      for (const [name, value] of [
        [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
        [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
      ]) gl.texParameteri(gl.TEXTURE_2D, name, value);
      this.shaded = shade.alpha;
    }
    gl.uniform1i(at.shade, 0);
    gl.uniform3f(at.tint, ...shade.tint.map((v) => v / 255));
    const [sx, sy] = [(2 * scale) / width, (2 * scale) / height];
    gl.uniform4f(at.box, (shade.x0 - x) * sx, (shade.y0 - y) * sy, (shade.x1 - shade.x0) * sx, (shade.y1 - shade.y0) * sy);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /**
   * Draw pictures on the screen, each at its rectangle in pixels from the upper left corner; a later one covers an
   * earlier one. `strength` below 1 fades the points.
   */
  show(placed, paper, strength) {
    const { gl, canvas } = this;
    const { at } = this.quad;
    const [width, height] = [canvas.width, canvas.height];
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.disable(gl.BLEND);
    gl.clearColor(...paper.map((v) => v / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    // One picture, neither scaled nor faded, is copied, which is much faster with software WebGL.
    const [one] = placed;
    if (placed.length === 1 && strength === 1 && one.w === one.picture.width && one.h === one.picture.height) {
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, one.picture.frame);
      gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
      this.#copy(one);
      return;
    }
    gl.useProgram(this.quad.made);
    gl.bindVertexArray(this.nothing);
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform1i(at.picture, 0);
    gl.uniform3f(at.paper, ...paper.map((v) => v / 255));
    gl.uniform1f(at.strength, strength);
    for (const { picture, x, y, w, h } of placed) {
      gl.bindTexture(gl.TEXTURE_2D, picture.texture);
      gl.uniform4f(at.box, (2 * x) / width - 1, 1 - (2 * (y + h)) / height, (2 * w) / width, (2 * h) / height);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }

  #copy({ picture, x, y }) {
    const { gl, canvas } = this;
    const left = Math.max(0, x), right = Math.min(canvas.width, x + picture.width);
    const top = Math.max(0, y), bottom = Math.min(canvas.height, y + picture.height);
    if (left >= right || top >= bottom) return;
    // In WebGL rows count from below.
    const below = (from, at) => from.height - at;
    gl.blitFramebuffer(
      left - x, below(picture, bottom - y), right - x, below(picture, top - y),
      left, below(canvas, bottom), right, below(canvas, top),
      gl.COLOR_BUFFER_BIT, gl.NEAREST,
    );
  }

  /** Wait until all is drawn, and return a pixel's color; only in the task of `show`. `y` counts from the top. */
  pixel(x, y) {
    const { gl } = this;
    const found = new Uint8Array(4);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.readPixels(x, this.canvas.height - 1 - y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, found);
    return [...found];
  }
}
