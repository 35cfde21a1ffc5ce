// What a dry run says, in words: members from and to, the place by price, and what would have to be forced.

import { count } from "~/format/number";
import { Scroll } from "~/ui/Page";
import { Note } from "~/ui/Note";

import type { Group } from "./members";
import type { Preview } from "./rows";

export function said(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.join(", ");
  if (typeof value === "object") return Object.keys(value).length === 0 ? "–" : JSON.stringify(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? count(value) : String(value);
}

/** `timeouts.first_token_ms` is told by the API as `first_token_ms`. */
function labelOf(groups: readonly Group[], name: string): string {
  const fields = groups.flatMap((group) => group.fields);
  return fields.find((field) => field.name === name || field.name.endsWith(`.${name}`))?.label ?? name;
}

const ENDINGS = new Map([
  ["one", "st"],
  ["two", "nd"],
  ["few", "rd"],
]);
const rules = new Intl.PluralRules("en", { type: "ordinal" });
const ordinal = (place: number): string => `${place}${ENDINGS.get(rules.select(place)) ?? "th"}`;

export function rankText(rank: NonNullable<Preview["rank"]>): string {
  if (rank.to === null) return "It cannot be chosen as it would be.";
  const place = (at: number) => `${ordinal(at)} of ${rank.of}`;
  if (rank.from === null) return `By price it would be the ${place(rank.to)} endpoints of its model.`;
  if (rank.from === rank.to)
    return `By price it stays the ${place(rank.to)} endpoints of its model, the cheapest first.`;
  return `By price it moves from the ${ordinal(rank.from)} to the ${place(rank.to)} endpoints of its model, the cheapest first.`;
}

export function PreviewNote({
  preview,
  groups,
  isNew,
}: {
  preview: Preview;
  groups: readonly Group[];
  isNew: boolean;
}) {
  const changes = Object.entries(preview.changes).filter(
    ([, { from, to }]) => !isNew || said(from) !== said(to),
  );
  return (
    <div className="stack">
      {changes.length === 0 ? (
        <Note>The API sees no member that would change.</Note>
      ) : (
        <Scroll label="What would change">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">Member</th>
                {isNew ? null : <th scope="col">Now</th>}
                <th scope="col">{isNew ? "Would be" : "Then"}</th>
              </tr>
            </thead>
            <tbody>
              {changes.map(([name, { from, to }]) => (
                <tr key={name}>
                  <th scope="row">{labelOf(groups, name)}</th>
                  {isNew ? null : <td className="soft change-value">{said(from)}</td>}
                  <td className="change-value">{said(to)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {preview.rank ? <p>{rankText(preview.rank)}</p> : null}
      {preview.warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      <p className="soft">
        This was a dry run on version {preview.catalogue_version} of the catalogue: nothing is changed yet.
      </p>
    </div>
  );
}
