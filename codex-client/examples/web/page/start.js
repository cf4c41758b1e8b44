import start from "./codex-web-example.js";

await start();
