import start from "./codex-web-tests.js";

// A panic of a check must not look like one that still runs.
start().catch((error) => { document.title = String(error); });
addEventListener("error", (event) => { document.title = event.message; });
