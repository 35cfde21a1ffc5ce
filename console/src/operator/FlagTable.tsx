import type { components } from "~/api/generated/admin";
import { Segments } from "~/ui/Field";
import { Badge } from "~/ui/Note";
import { type Column, Table } from "~/ui/Table";

export type Flag = components["schemas"]["FeatureFlag"];

type Said = "on" | "off" | "unsaid";
const saidOf = (value: boolean | null | undefined): Said => (value == null ? "unsaid" : value ? "on" : "off");
const VALUES: Record<Said, boolean | null> = { on: true, off: false, unsaid: null };
const word = (value: boolean): string => (value ? "on" : "off");

/** Flags, as they are for everybody or for one tenant. */
export function FlagTable({
  flags,
  of,
  onSay,
}: {
  flags: Flag[];
  of: "everybody" | "tenant";
  onSay: (flag: Flag, isOn: boolean | null) => void;
}) {
  const columns: Column<Flag>[] = [
    {
      id: "name",
      head: "Flag",
      width: "minmax(300px, 3fr)",
      cell: (one) => (
        <div className="stack-tight">
          <span className="mono">{one.name}</span>
          <span className="soft details">{one.description}</span>
        </div>
      ),
    },
    {
      id: "is",
      head: "Is",
      width: "80px",
      cell: (one) => <Badge tone={one.is_on ? "good" : "warn"}>{word(one.is_on)}</Badge>,
    },
    {
      id: "unsaid",
      head: of === "tenant" ? "For everybody" : "By default",
      width: "130px",
      cell: (one) => word(of === "tenant" ? (one.everybody ?? one.default) : one.default),
    },
    {
      id: "said",
      head: of === "tenant" ? "For this tenant" : "For everybody",
      width: "270px",
      cell: (one) => (
        <Segments
          label={`${one.name} for ${of === "tenant" ? "this tenant" : "everybody"}`}
          options={[
            { value: "unsaid", label: of === "tenant" ? "as everybody" : "default" },
            { value: "on", label: "on" },
            { value: "off", label: "off" },
          ]}
          value={saidOf(one[of])}
          onChange={(value) => onSay(one, VALUES[value])}
        />
      ),
    },
  ];
  return (
    <Table
      label="Feature flags"
      rows={flags}
      columns={columns}
      rowKey={(one) => one.name}
      rowHeight={64}
      isWhole
      empty={<p className="soft">There are no flags.</p>}
    />
  );
}
