// Labelled fields. Hints and errors are tied to the field, so that they are read out with it.

import {
  type FieldsetHTMLAttributes,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";

interface Labelled {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
}

interface Ties {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
}

function Frame({ label, hint, error, children }: Labelled & { children: (ties: Ties) => ReactNode }) {
  const id = useId();
  const about = [hint ? `${id}-hint` : null, error ? `${id}-error` : null].filter(Boolean).join(" ");
  const ties: Ties = { id };
  if (about !== "") ties["aria-describedby"] = about;
  if (error) ties["aria-invalid"] = true;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(ties)}
      {hint ? (
        <span className="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      ) : null}
      {error ? (
        <span className="field-error" id={`${id}-error`}>
          {error}
        </span>
      ) : null}
    </div>
  );
}

export function TextField({
  label,
  hint,
  error,
  ...input
}: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Frame label={label} hint={hint} error={error}>
      {(ties) => <input className="input" {...ties} {...input} />}
    </Frame>
  );
}

export function TextArea({
  label,
  hint,
  error,
  isCode = false,
  ...input
}: Labelled & TextareaHTMLAttributes<HTMLTextAreaElement> & { isCode?: boolean }) {
  return (
    <Frame label={label} hint={hint} error={error}>
      {(ties) => (
        <textarea
          className="input"
          data-code={isCode || undefined}
          spellCheck={!isCode}
          {...ties}
          {...input}
        />
      )}
    </Frame>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function SelectField({
  label,
  hint,
  error,
  options,
  ...select
}: Labelled & SelectHTMLAttributes<HTMLSelectElement> & { options: Option[] }) {
  return (
    <Frame label={label} hint={hint} error={error}>
      {(ties) => (
        <select className="input" {...ties} {...select}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Frame>
  );
}

export function CheckField({ label, hint, ...input }: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="check">
      <input type="checkbox" {...input} />
      <span>
        {label}
        {hint ? <span className="field-hint"> {hint}</span> : null}
      </span>
    </label>
  );
}

export function FieldGroup({
  legend,
  children,
  ...others
}: { legend: ReactNode } & FieldsetHTMLAttributes<HTMLFieldSetElement>) {
  return (
    <fieldset className="field-group" {...others}>
      <legend>{legend}</legend>
      {children}
    </fieldset>
  );
}

/** One of a few, all in sight. */
export function Segments<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
