// Writes the dashboards: `npm run build`. Into another folder: `node build/write.js FOLDER`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { board, NAMES } from "./boards.js";

const folder = process.argv[2] ?? join(import.meta.dirname, "..", "dashboards");
for (const name of NAMES) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(board(name), null, 1)}\n`);
}
