// Forms: what was typed, and what ties a field to its member of it.

import { useState } from "react";

type Named<Form, Value> = { [Name in keyof Form]-?: Form[Name] extends Value ? Name : never }[keyof Form];

interface Fields<Form> {
  /** For a field that is typed into or chosen from, whose options are the member's values: `{...field("name")}`. */
  field: <Name extends Named<Form, string>>(
    name: Name,
  ) => { value: Form[Name]; onChange: (event: { target: { value: string } }) => void };
  /** For a box that is ticked: `{...check("isOn")}`. */
  check: (name: Named<Form, boolean>) => {
    checked: boolean;
    onChange: (event: { target: { checked: boolean } }) => void;
  };
}

/** Ties fields to a form that is held elsewhere. */
export function fieldsOf<Form>(form: Form, change: (changes: Partial<Form>) => void): Fields<Form> {
  const put = (name: keyof Form, value: unknown): void => change({ [name]: value } as Partial<Form>);
  return {
    field: (name) => ({ value: form[name], onChange: (event) => put(name, event.target.value) }),
    check: (name) => ({
      checked: form[name] as boolean,
      onChange: (event) => put(name, event.target.checked),
    }),
  };
}

/** The state of a form. */
export function useForm<Form>(
  first: Form | (() => Form),
): Fields<Form> & { form: Form; change: (changes: Partial<Form>) => void } {
  const [form, setForm] = useState(first);
  const change = (changes: Partial<Form>): void => setForm((old) => ({ ...old, ...changes }));
  return { form, change, ...fieldsOf(form, change) };
}
