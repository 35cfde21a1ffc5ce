import { useState } from "react";

import { admin, answer, document } from "~/api/client";
import { useOnce } from "~/api/once";
import { nanoOf } from "~/format/money";
import { OVERLAPS, RESETS } from "~/keys/keys";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { say } from "~/ui/toast";

import { type MintedKey, type OperatorKey, keyOf } from "./tenant";

interface Of {
  tenant: string;
  onClose: () => void;
}
type Reset = "daily" | "weekly" | "monthly";

const DAY = 86_400_000;

export function NewKeyDialog({ tenant, onClose, onMinted }: Of & { onMinted: (minted: MintedKey) => void }) {
  const { form, field } = useForm({ name: "", kind: "inference", limit: "", reset: "monthly", days: "" });
  // Counted from one moment, so that the same form asks for the same when it is sent again.
  const [opened] = useState(() => Date.now());
  const once = useOnce();
  const isForModels = form.kind === "inference";
  async function submit(): Promise<MintedKey> {
    const isLimited = isForModels && form.limit.trim() !== "";
    if (isLimited && (nanoOf(form.limit) ?? -1n) < 0n)
      throw new Error("A limit in USD, such as 25, or none.");
    const days = Number(form.days);
    if (form.days.trim() !== "" && !(Number.isInteger(days) && days > 0))
      throw new Error("A whole number of days, or nothing.");
    const body = {
      name: form.name.trim(),
      kind: form.kind as "inference" | "management",
      ...(isLimited ? { limit: form.limit.trim() } : {}),
      ...(isLimited && form.reset ? { limit_reset: form.reset as Reset } : {}),
      ...(days > 0 ? { expires_at: new Date(opened + days * DAY).toISOString() } : {}),
    };
    const params = { path: { tenant }, header: once(body) };
    return document<MintedKey>(admin.POST("/tenants/{tenant}/keys", { params, body }));
  }
  return (
    <FormDialog
      title="New key"
      action="Create the key"
      onClose={onClose}
      changes={[keyOf(tenant, "keys")]}
      onSubmit={submit}
      onDone={onMinted}
    >
      <TextField label="Name" required autoFocus maxLength={200} {...field("name")} />
      <SelectField
        label="For"
        options={[
          { value: "inference", label: "calling models, in the default workspace" },
          { value: "management", label: "administering the organisation" },
        ]}
        {...field("kind")}
      />
      {isForModels ? (
        <div className="input-row">
          <TextField
            label="Spend at most (USD)"
            placeholder="no limit"
            inputMode="decimal"
            {...field("limit")}
          />
          <SelectField
            label="Begins anew"
            options={RESETS}
            disabled={form.limit.trim() === ""}
            {...field("reset")}
          />
        </div>
      ) : null}
      <TextField label="Expires after (days)" placeholder="never" inputMode="numeric" {...field("days")} />
    </FormDialog>
  );
}

export function RotateKeyDialog({
  tenant,
  of,
  onClose,
  onMinted,
}: Of & { of: OperatorKey; onMinted: (minted: MintedKey) => void }) {
  const [overlap, setOverlap] = useState("0");
  const once = useOnce();
  async function submit(): Promise<MintedKey> {
    const body = { overlap_seconds: Number(overlap) };
    const params = { path: { hash: of.hash }, header: once(body) };
    return document<MintedKey>(admin.POST("/keys/{hash}/rotate", { params, body }));
  }
  return (
    <FormDialog
      title={`Rotate “${of.name}”`}
      action="Rotate"
      onClose={onClose}
      changes={[keyOf(tenant, "keys")]}
      onSubmit={submit}
      onDone={onMinted}
    >
      <p>The key gets another secret. Its limits, usage and assignments stay.</p>
      <SelectField
        label="The secret of before"
        options={OVERLAPS}
        value={overlap}
        onChange={(event) => setOverlap(event.target.value)}
      />
    </FormDialog>
  );
}

export function DeleteKeyDialog({ tenant, of, onClose }: Of & { of: OperatorKey }) {
  async function submit(): Promise<void> {
    await answer(admin.DELETE("/keys/{hash}", { params: { path: { hash: of.hash } } }));
    say(`“${of.name}” is deleted.`);
  }
  return (
    <FormDialog
      title={`Delete “${of.name}”?`}
      kind="danger"
      action="Delete the key"
      onClose={onClose}
      changes={[keyOf(tenant, "keys")]}
      onSubmit={submit}
    >
      <p>Requests with it are refused from now on. This cannot be taken back; what it used stays.</p>
    </FormDialog>
  );
}
