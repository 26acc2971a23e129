// The colors of the map in both themes: categories differ by hue and lightness, numbers by even steps.

// Fifteen evenly spaced hues, with lightness chosen so that they also differ with the three color blindnesses, then the
// nine farthest from all before them. Least distance in OKLab, times 100: of the first 20 11 with full color vision and
// 5.9 at worst, of all 24 10.7 and 5.7. The most different come first. The dark theme has the hues of the light one.
const CATEGORIES = {
  light: [
    "#20458a", "#e5b33b", "#a993ff", "#a8350f", "#16b2a0", "#7a52bc", "#85a424", "#0a8db2", "#944972", "#4ec7eb",
    "#7b1469", "#0b6939", "#96c881", "#dc526d", "#9f6f21",
    "#631801", "#a843fd", "#1d01f3", "#6504c0", "#dc50d5", "#0b4338", "#de8771", "#54875f", "#3e0289",
  ],
  dark: [
    "#5f86b3", "#e3c329", "#987ef0", "#cb4d14", "#50aa9c", "#8954be", "#b3ef83", "#32baf7", "#f089c7", "#92e7fa",
    "#935a79", "#21853c", "#97cb9b", "#e9706f", "#d49008",
    "#5e21fe", "#a80493", "#fed5c3", "#af4afc", "#d65ccb", "#8808d6", "#fe0c45", "#43e16a", "#d1bae0",
  ],
};
const NONE = { light: "#b4bcc4", dark: "#4d5761" };
const OTHER = { light: "#8c959e", dark: "#76818c" };

// OKLCH of the lowest and the highest number: high ones are dark in the light theme, bright in the dark one.
const ENDS = {
  light: [[0.82, 0.12, 105], [0.36, 0.15, 290]],
  dark: [[0.46, 0.14, 290], [0.93, 0.12, 105]],
};

function linearOf(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180), b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** An OKLCH color as three bytes; its chroma is reduced as far as sRGB requires. */
function bytesOf(lightness, chroma, hue) {
  let rgb = linearOf(lightness, chroma, hue);
  for (let c = chroma; c > 0 && rgb.some((v) => v < -0.0005 || v > 1.0005); c -= 0.005) {
    rgb = linearOf(lightness, c, hue);
  }
  return rgb.map((v) => {
    const linear = Math.min(1, Math.max(0, v));
    return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
  });
}

/** 255 colors whose lightness changes in even steps, through green and blue. */
function ramp(theme) {
  const [low, high] = ENDS[theme];
  return Array.from({ length: 255 }, (_, i) => bytesOf(...low.map((v, j) => v + ((high[j] - v) * i) / 254)));
}

export const hex = (rgb) => "#" + rgb.map((v) => v.toString(16).padStart(2, "0")).join("");
/** [r, g, b] of #rrggbb, or of #rgb as in a style sheet. */
export function bytes(text) {
  const long = text.length === 4 ? text.replace(/[0-9a-f]/gi, "$&$&") : text;
  return [1, 3, 5].map((i) => parseInt(long.slice(i, i + 2), 16));
}
const ramps = {};

/**
 * The colors of a coloring's 256 codes, each [r, g, b]; code 255 is "none".
 * The category that stands for less frequent values is gray and uses up no color.
 */
export function palette(coloring, theme) {
  const colors = new Array(256).fill(bytes(NONE[theme]));
  if (coloring.kind === "number") {
    ramps[theme] ??= ramp(theme);
    ramps[theme].forEach((color, i) => (colors[i] = color));
    return colors;
  }
  let used = 0;
  coloring.names.forEach((_, i) => {
    const gray = i === coloring.other;
    colors[i] = bytes(gray ? OTHER[theme] : CATEGORIES[theme][used % CATEGORIES[theme].length]);
    if (!gray) used++;
  });
  return colors;
}
