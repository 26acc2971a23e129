// Waits for the report that the server is making.
import "../shared/page.js";
import { byId } from "../shared/dom.js";

async function poll() {
  const stage = byId("stage"), failed = byId("failed");
  try {
    const report = await (await fetch("/api/overlap", { cache: "no-store" })).json();
    if (report.state === "ready") { location.reload(); return; }
    if (report.state === "working") {
      stage.textContent = report.stage ?? "";
    } else {
      failed.textContent = [report.error, report.next].filter(Boolean).join(" ");
      failed.hidden = false;
      stage.textContent = "";
      if (report.state !== undefined) return;
    }
  } catch {
    stage.textContent = "The server does not answer.";
  }
  setTimeout(poll, 1000);
}
setTimeout(poll, 500);
