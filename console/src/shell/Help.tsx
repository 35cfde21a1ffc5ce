import { Dialog } from "~/ui/Dialog";

import type { Group } from "./navigation";

const ALWAYS: [string, string][] = [
  ["Ctrl K", "Find a page, a model or an action"],
  ["/", "Search on this page"],
  ["?", "Show these keys"],
];

export default function Help({ groups, onClose }: { groups: Group[]; onClose: () => void }) {
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
    </Dialog>
  );
}
