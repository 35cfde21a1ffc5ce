import { useState } from "react";

import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { Card } from "~/ui/Page";

function firstOfMonth(now: Date): string {
  return `${now.toISOString().slice(0, 8)}01`;
}

/** Leads to the usage of some days as a file. */
export function UsageExport({ base }: { base: string }) {
  const [from, setFrom] = useState(() => firstOfMonth(new Date()));
  const [to, setTo] = useState(() => new Date().toISOString().slice(0, 10));
  const address = `${base}/usage.csv?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
  return (
    <Card title="Usage as CSV">
      <div className="form">
        <p className="soft">
          A row for each generation, with tokens, price version, markup and charge. Days are those of UTC.
        </p>
        <div className="input-row">
          <TextField
            label="From"
            type="date"
            required
            error={from === "" ? "Choose the first day." : null}
            value={from}
            max={to}
            onChange={(event) => setFrom(event.target.value)}
          />
          <TextField
            label="To"
            type="date"
            required
            error={to === "" ? "Choose the last day." : null}
            value={to}
            min={from}
            onChange={(event) => setTo(event.target.value)}
          />
        </div>
        <div>
          {from === "" || to === "" ? (
            <Button disabled>Download</Button>
          ) : (
            <a className="button" href={address} download>
              Download
            </a>
          )}
        </div>
      </div>
    </Card>
  );
}
