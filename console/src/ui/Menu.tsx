import { Menu as Base } from "@base-ui/react/menu";

import { Button } from "./Button";

export interface MenuAction {
  label: string;
  onSelect: () => void;
  tone?: "bad";
}

/** What can be done with a row, behind one button. */
export function RowMenu({ label, actions }: { label: string; actions: MenuAction[] }) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={<Button kind="quiet" size="small" shape="square" aria-label={label} />}>
        ⋯
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner align="end" sideOffset={4}>
          <Base.Popup className="menu">
            {actions.map((action) => (
              <Base.Item
                key={action.label}
                className="menu-item"
                data-tone={action.tone}
                onClick={action.onSelect}
              >
                {action.label}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
