// Making, changing, rotating and deleting a key.

import { useState } from "react";

import { FormDialog } from "~/ui/Dialog";
import { CheckField, FieldGroup, SelectField, TextArea, TextField } from "~/ui/Field";
import { fieldsOf, useForm } from "~/ui/form";
import { say } from "~/ui/toast";

import { EMPTY, type KeyForm, type Mistakes, changesOf, formOf, mistakesOf, newKeyOf } from "./form";
import {
  type Key,
  type Kind,
  type Minted,
  OVERLAPS,
  RESETS,
  changeKey,
  createKey,
  deleteKey,
  rotateKey,
} from "./keys";

interface Fields {
  form: KeyForm;
  mistakes: Mistakes;
  isNew: boolean;
  onChange: (changes: Partial<KeyForm>) => void;
}

function Limits({ form, mistakes, onChange }: Fields) {
  const { field, check } = fieldsOf(form, onChange);
  return (
    <FieldGroup legend="Limits">
      <div className="input-row">
        <TextField
          label="Spend at most (USD)"
          placeholder="no limit"
          inputMode="decimal"
          {...field("limit")}
          error={mistakes.limit}
        />
        <SelectField
          label="Begins anew"
          options={RESETS}
          {...field("reset")}
          disabled={form.limit.trim() === ""}
        />
      </div>
      <CheckField
        label="Own provider keys count, too"
        hint="at the provider's list price"
        {...check("countsOwnKeys")}
      />
      <div className="input-row">
        <TextField
          label="Requests a minute"
          placeholder="default"
          inputMode="numeric"
          {...field("rpm")}
          error={mistakes.rpm}
        />
        <TextField
          label="Tokens a minute"
          placeholder="default"
          inputMode="numeric"
          {...field("tpm")}
          error={mistakes.tpm}
        />
        <TextField
          label="At the same time"
          placeholder="default"
          inputMode="numeric"
          {...field("concurrent")}
          error={mistakes.concurrent}
        />
      </div>
    </FieldGroup>
  );
}

function KeyFields(fields: Fields) {
  const { form, mistakes, isNew, onChange } = fields;
  const { field } = fieldsOf(form, onChange);
  return (
    <>
      <TextField label="Name" required maxLength={200} autoFocus {...field("name")} error={mistakes.name} />
      {isNew ? (
        <SelectField
          label="For"
          options={[
            { value: "inference", label: "calling models" },
            { value: "management", label: "administering the organisation" },
          ]}
          {...field("kind")}
        />
      ) : null}
      {form.kind === "inference" ? <Limits {...fields} /> : null}
      {isNew ? (
        <TextField
          label="Expires after (days)"
          placeholder="never"
          inputMode="numeric"
          {...field("days")}
          error={mistakes.days}
        />
      ) : null}
      <TextArea
        label="Only from these addresses"
        hint="Addresses or networks, one a line. Empty: from anywhere."
        isCode
        rows={2}
        {...field("addresses")}
      />
    </>
  );
}

/** The state of a form with its mistakes, which show once somebody tried to send it. */
function useKeyForm(first: KeyForm) {
  const { form, change } = useForm(first);
  const [isTried, setTried] = useState(false);
  const mistakes = mistakesOf(form);
  function check(): void {
    setTried(true);
    if (Object.keys(mistakes).length > 0) throw new Error("Some fields need another look.");
  }
  return {
    form,
    mistakes: isTried ? mistakes : {},
    check,
    onChange: change,
  };
}

export function NewKeyDialog({
  workspace,
  kind,
  onClose,
  onMinted,
}: {
  workspace: string | undefined;
  kind: Kind;
  onClose: () => void;
  onMinted: (minted: Minted) => void;
}) {
  const { form, mistakes, check, onChange } = useKeyForm({ ...EMPTY, kind });
  async function submit(): Promise<Minted> {
    check();
    return createKey(newKeyOf(form, workspace, new Date()));
  }
  return (
    <FormDialog
      title="New key"
      action="Create the key"
      onClose={onClose}
      changes={[["keys"]]}
      onSubmit={submit}
      onDone={onMinted}
    >
      <KeyFields form={form} mistakes={mistakes} isNew onChange={onChange} />
    </FormDialog>
  );
}

export function ChangeKeyDialog({ of, onClose }: { of: Key; onClose: () => void }) {
  const { form, mistakes, check, onChange } = useKeyForm(formOf(of));
  async function submit(): Promise<void> {
    check();
    await changeKey(of.hash, changesOf(form));
    say("The key was changed.");
  }
  return (
    <FormDialog
      title={`Change “${of.name}”`}
      action="Save"
      onClose={onClose}
      changes={[["keys"]]}
      onSubmit={submit}
    >
      <KeyFields form={form} mistakes={mistakes} isNew={false} onChange={onChange} />
    </FormDialog>
  );
}

export function RotateKeyDialog({
  of,
  onClose,
  onMinted,
}: {
  of: Key;
  onClose: () => void;
  onMinted: (minted: Minted) => void;
}) {
  const [overlap, setOverlap] = useState("0");
  const submit = () => rotateKey(of.hash, Number(overlap));
  return (
    <FormDialog
      title={`Rotate “${of.name}”`}
      action="Rotate"
      onClose={onClose}
      changes={[["keys"]]}
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

export function DeleteKeyDialog({
  of,
  onClose,
  onDeleted,
}: {
  of: Key;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  async function submit(): Promise<void> {
    await deleteKey(of.hash);
    say(`“${of.name}” is deleted.`);
  }
  return (
    <FormDialog
      title={`Delete “${of.name}”?`}
      kind="danger"
      action="Delete the key"
      onClose={onClose}
      changes={[["keys"]]}
      onSubmit={submit}
      onDone={onDeleted}
    >
      <p>
        Requests with it are refused from now on. This cannot be taken back; what it used stays in the
        activity.
      </p>
    </FormDialog>
  );
}
