// A row as a form, and what the API says that it would change.

import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { type Once, useOnce } from "~/api/once";
import { Dialog } from "~/ui/Dialog";
import { CheckField, FieldGroup, SelectField, TextArea, TextField } from "~/ui/Field";
import { say } from "~/ui/toast";

import "./catalogue.css";
import { PreviewNote } from "./PreviewNote";
import { type Field, type Form, type Group, membersOf, mistakesOf } from "./members";
import { ProposalActions, useProposal } from "./proposal";
import type { Done, Members, Preview } from "./rows";
import { inUse } from "./use";

interface FieldProps {
  field: Field;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

function MemberField({ field, value, error, onChange }: FieldProps) {
  const common = { label: field.label, hint: field.hint, error, required: field.isRequired === true };
  const none = field.none ?? "";
  switch (field.kind) {
    case "flag":
      return (
        <CheckField
          label={field.label}
          hint={field.hint}
          checked={value === "true"}
          onChange={(event) => onChange(String(event.target.checked))}
        />
      );
    case "choice":
    case "maybe": {
      const options =
        field.kind === "maybe"
          ? [
              { value: "true", label: "yes" },
              { value: "false", label: "no" },
            ]
          : (field.options ?? []).map((one) => ({ value: one, label: one }));
      return (
        <SelectField
          {...common}
          options={[{ value: "", label: none || "choose…" }, ...options]}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    }
    case "object":
      return (
        <TextArea
          {...common}
          isCode
          rows={value.includes("\n") ? Math.min(10, value.split("\n").length + 1) : 2}
          placeholder="{}"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    case "words":
      return (
        <TextArea {...common} rows={2} value={value} onChange={(event) => onChange(event.target.value)} />
      );
    default:
      return (
        <TextField
          {...common}
          placeholder={none}
          type={field.kind === "secret" ? "password" : "text"}
          autoComplete="off"
          inputMode={field.kind === "number" ? "decimal" : undefined}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}

const WIDE = new Set<Field["kind"]>(["object", "words", "flag"]);

function Fields({
  group,
  form,
  mistakes,
  isNew,
  onChange,
}: {
  group: Group;
  form: Form;
  mistakes: Record<string, string>;
  isNew: boolean;
  onChange: (name: string, value: string) => void;
}) {
  const fields = group.fields.filter((field) => isNew || field.isFixed !== true);
  if (fields.length === 0) return null;
  return (
    <FieldGroup legend={group.legend}>
      <div className="member-fields">
        {fields.map((field) => (
          <div key={field.name} data-wide={WIDE.has(field.kind) || undefined}>
            <MemberField
              field={field}
              value={form[field.name] ?? ""}
              error={mistakes[field.name]}
              onChange={(value) => onChange(field.name, value)}
            />
          </div>
        ))}
      </div>
    </FieldGroup>
  );
}

export interface MembersDialogProps {
  title: string;
  groups: readonly Group[];
  before: Form;
  /** What stands in some fields at first, though it is to be sent. */
  given?: Form;
  isNew?: boolean;
  /** Sends the members; with `dry_run` in them nothing is changed. */
  onSend: (members: Members, once: Once) => Promise<Preview | Done>;
  onDone?: (done: Done) => void;
  onClose: () => void;
  children?: ReactNode;
}

export function MembersDialog({
  title,
  groups,
  before,
  given,
  isNew = false,
  onSend,
  onDone,
  onClose,
  children,
}: MembersDialogProps) {
  const queries = useQueryClient();
  const once = useOnce();
  const [form, setForm] = useState<Form>({ ...before, ...given });
  const [mistakes, setMistakes] = useState<Record<string, string>>({});

  async function look(): Promise<Preview> {
    const found = mistakesOf(groups, form, isNew);
    setMistakes(found);
    const wrong = groups.flatMap((group) => group.fields).filter((one) => found[one.name] !== undefined);
    if (wrong.length > 0)
      throw new Error(`To be looked at again: ${wrong.map((one) => one.label.toLowerCase()).join(", ")}.`);
    const members = membersOf(groups, before, form);
    if (Object.keys(members).length === 0) throw new Error("Nothing was changed.");
    return (await onSend({ ...members, dry_run: true }, once)) as Preview;
  }

  async function apply(): Promise<void> {
    const done = (await onSend(membersOf(groups, before, form), once)) as Done;
    await inUse(queries, done.catalogue_version);
    say(`In use as version ${done.catalogue_version} of the catalogue.`);
    onDone?.(done);
    onClose();
  }

  const steps = useProposal(look, apply);
  const { proposal } = steps;
  return (
    <Dialog open isSticky size="wide" title={title} onClose={onClose}>
      <form className="form" onSubmit={steps.submit} noValidate>
        {proposal === null ? (
          <>
            {groups.map((group) => (
              <Fields
                key={group.legend}
                group={group}
                form={form}
                mistakes={mistakes}
                isNew={isNew}
                onChange={(name, value) => setForm((old) => ({ ...old, [name]: value }))}
              />
            ))}
            {children}
          </>
        ) : (
          <PreviewNote preview={proposal} groups={groups} isNew={isNew} />
        )}
        <ProposalActions
          of={steps}
          action={proposal === null ? "Preview the change" : isNew ? "Create" : "Apply"}
          back="Back to the form"
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}
