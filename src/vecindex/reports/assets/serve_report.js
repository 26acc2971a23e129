// Waits for the report that the server is making.
"use strict";
(() => {
  const stage = document.getElementById("stage");
  const failed = document.getElementById("failed");
  async function look() {
    try {
      const told = await (await fetch("/api/overlap", { cache: "no-store" })).json();
      if (told.state === "ready") { location.reload(); return; }
      if (told.state === "working") {
        stage.textContent = told.stage ?? "";
      } else {
        failed.textContent = [told.error, told.next].filter(Boolean).join(" ");
        failed.hidden = false;
        stage.textContent = "";
        if (told.state !== undefined) return;
      }
    } catch {
      stage.textContent = "The server does not answer.";
    }
    setTimeout(look, 1000);
  }
  setTimeout(look, 500);
})();
