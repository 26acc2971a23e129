// Writes bundles/, a script and a style sheet for each kind of page; with --check it only compares them.
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = join(here, "bundles");
const check = process.argv.includes("--check");

const common = {
  absWorkingDir: here,
  outdir: folder,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  write: !check,
};
const pages = await build({
  ...common,
  entryPoints: [
    { out: "page", in: "shared/page.js" },
    { out: "page", in: "shared/page.css" },
    { out: "overlap", in: "overlap/main.js" },
    { out: "map", in: "map/main.js" },
    { out: "map", in: "map/map.css" },
    { out: "serve", in: "serve/live.js" },
    { out: "serve", in: "serve/serve.css" },
    { out: "report", in: "serve/report.js" },
  ],
  // A classic script runs while the rest of the page is still read; a module would wait for all of it.
  format: "iife",
});
// A notebook imports it.
const widget = await build({ ...common, entryPoints: [{ out: "widget", in: "widget/main.js" }], format: "esm" });

if (check) {
  const stored = new Map();
  for (const name of await readdir(folder)) stored.set(name, await readFile(join(folder, name), "utf8"));
  const wrong = new Set(stored.keys());
  for (const { path, text } of [...pages.outputFiles, ...widget.outputFiles]) {
    if (stored.get(basename(path)) === text) wrong.delete(basename(path));
    else wrong.add(basename(path));
  }
  if (wrong.size) {
    console.error(`bundles/ differs from its sources: ${[...wrong].join(", ")}. Run: make assets`);
    process.exit(1);
  }
}
