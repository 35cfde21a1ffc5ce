import type { QueryClient } from "@tanstack/react-query";

import { admin, document } from "~/api/client";

const TURNS = 12;
const PAUSE = 250;

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** Waits until the router that answers uses a version of the catalogue, as it does within a second, and reads all anew. */
export async function inUse(queries: QueryClient, version: number): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    const asked = admin.GET("/providers", { params: { query: { limit: 1 } } });
    const used = await document<{ version: number }>(asked).catch(() => null);
    if (used !== null && used.version >= version) break;
    await pause(PAUSE);
  }
  await queries.invalidateQueries({ queryKey: ["catalogue"] });
}
