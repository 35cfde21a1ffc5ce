import { Dialog } from "~/ui/Dialog";
import { CheckField } from "~/ui/Field";

import type { Group } from "./navigation";
import { turn, useAreOn } from "./shortcuts";

const ALWAYS: [string, string][] = [
  ["Ctrl K", "Find a page, a model or an action"],
  ["/", "Search on this page"],
  ["?", "Show these keys"],
];

export default function Help({ groups, onClose }: { groups: Group[]; onClose: () => void }) {
  const isOn = useAreOn();
  const places = groups.flatMap((group) => group.places).filter((place) => place.keys);
  const keys = [...ALWAYS, ...places.map((place): [string, string] => [place.keys ?? "", place.label])];
  return (
    <Dialog open onClose={onClose} title="Keys of the keyboard">
      <dl className="facts">
        {keys.map(([key, does]) => [
          <dt key={key}>
            <kbd>{key}</kbd>
          </dt>,
          <dd key={`${key} does`}>{does}</dd>,
        ])}
      </dl>
      <CheckField
        label="Keys without Ctrl do this"
        hint="in this browser; the palette leads here again"
        checked={isOn}
        onChange={(event) => turn(event.target.checked)}
      />
    </Dialog>
  );
}
