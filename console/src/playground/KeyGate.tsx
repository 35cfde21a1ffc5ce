import { type FormEvent, type ReactNode, useState } from "react";

import { messageOf } from "~/api/errors";
import { useMay, useSession } from "~/session/session";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { Note } from "~/ui/Note";
import { Card } from "~/ui/Page";

import {
  PLAYGROUND_HOURS,
  PLAYGROUND_LIMIT,
  keepPastedKey,
  makePlaygroundKey,
  ownerOf,
  usePlaygroundKey,
} from "./key";

/** Shows what needs a key once there is one, and how to get one until then. */
export function KeyGate({ why, children }: { why: string; children: (secret: string) => ReactNode }) {
  const { organization, user } = useSession();
  const here = ownerOf(organization?.id ?? "", user.id);
  const secret = usePlaygroundKey(here);
  const mayWrite = useMay()("keys.write");
  const [pasted, setPasted] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  if (secret !== null) return children(secret);

  async function make(): Promise<void> {
    setBusy(true);
    setFailure(null);
    try {
      await makePlaygroundKey(here);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  function paste(event: FormEvent): void {
    event.preventDefault();
    if (pasted.trim() !== "") keepPastedKey(here, pasted.trim());
  }

  return (
    <Card title="A key first">
      <div className="stack narrow">
        <p>{why} It is kept in your open tabs only, and gone when they are closed.</p>
        {mayWrite ? (
          <div>
            <Button kind="primary" busy={isBusy} onClick={() => void make()}>
              Make a key for ${PLAYGROUND_LIMIT} and {PLAYGROUND_HOURS} hours
            </Button>
          </div>
        ) : null}
        {failure === null ? null : <Note tone="bad">{failure}</Note>}
        <form className="form" onSubmit={paste}>
          <TextField
            label={mayWrite ? "Or use a key that you have" : "Your key"}
            type="password"
            autoComplete="off"
            required
            placeholder="sk-pb-v1-…"
            value={pasted}
            onChange={(event) => setPasted(event.target.value)}
          />
          <div className="form-actions">
            <Button type="submit">Use it</Button>
          </div>
        </form>
      </div>
    </Card>
  );
}
