// The palette: every page, every model and what can be done anywhere, by typing.

import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { Dialog } from "@base-ui/react/dialog";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";

import { modelsQuery } from "~/models/models";

import { useSignOut } from "./AccountMenu";
import { found } from "./find";
import type { Group } from "./navigation";
import { chooseTheme } from "./theme";

interface Entry {
  id: string;
  label: string;
  group: string;
  words: string;
  keys?: string;
  run: () => void;
}

const MOST = 60;

function useEntries(groups: Group[], onHelp: () => void): Entry[] {
  const router = useRouter();
  const signOut = useSignOut();
  const { data: models } = useQuery(modelsQuery);
  return useMemo(() => {
    const pages = groups.flatMap((group) =>
      group.places.map((place): Entry => ({
        id: `page ${place.to}`,
        label: place.label,
        group: group.label,
        words: `${place.label} ${place.words ?? ""}`,
        keys: place.keys ?? "",
        run: () => void router.navigate({ to: place.to }),
      })),
    );
    const actions: Entry[] = [
      {
        id: "light",
        label: "Light theme",
        group: "Do",
        words: "light theme",
        run: () => chooseTheme("light"),
      },
      { id: "dark", label: "Dark theme", group: "Do", words: "dark theme", run: () => chooseTheme("dark") },
      {
        id: "system",
        label: "Theme of the system",
        group: "Do",
        words: "system theme",
        run: () => chooseTheme("system"),
      },
      {
        id: "keys",
        label: "Keys of the keyboard",
        group: "Do",
        words: "keys of the keyboard shortcuts help",
        run: onHelp,
      },
      {
        id: "out",
        label: "Sign out",
        group: "Do",
        words: "sign out log out leave",
        run: () => void signOut(),
      },
    ];
    const catalogue = (models ?? []).map((model): Entry => ({
      id: `model ${model.id}`,
      label: model.id,
      group: "Model",
      words: `${model.id} ${model.name}`,
      run: () => void router.navigate({ to: "/model/$", params: { _splat: model.id } }),
    }));
    return [...pages, ...actions, ...catalogue];
  }, [groups, models, router, signOut, onHelp]);
}

export default function Palette({
  groups,
  onClose,
  onHelp,
}: {
  groups: Group[];
  onClose: () => void;
  onHelp: () => void;
}) {
  const entries = useEntries(groups, onHelp);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const shown = useMemo(() => found(query, entries, (entry) => entry.words, MOST), [query, entries]);
  const active = Math.min(at, shown.length - 1);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  function choose(entry: Entry | undefined): void {
    if (entry === undefined) return;
    onClose();
    entry.run();
  }

  function press(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined && shown.length > 0) {
      event.preventDefault();
      setAt((active + step + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(shown[active]);
    }
  }

  return (
    <Dialog.Root open onOpenChange={(isOpen) => (isOpen ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog palette">
          <Dialog.Title className="visually-hidden">Find a page, a model or an action</Dialog.Title>
          <input
            className="palette-input"
            placeholder="Find a page, a model, an action…"
            aria-label="Find a page, a model, an action"
            role="combobox"
            aria-expanded="true"
            aria-controls={id}
            aria-activedescendant={shown[active] ? `${id}-${active}` : undefined}
            value={query}
            onChange={(event) => {
              setQuery(event.target.value);
              setAt(0);
            }}
            onKeyDown={press}
          />
          <ul className="palette-list" role="listbox" id={id} ref={list} aria-label="What was found">
            {shown.map((entry, index) => (
              <li
                key={entry.id}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === active}
                className="palette-entry"
                onPointerMove={() => setAt(index)}
                onClick={() => choose(entry)}
              >
                <span className="whole">{entry.label}</span>
                <span className="soft">
                  {entry.keys ? <kbd>{entry.keys}</kbd> : null} {entry.group}
                </span>
              </li>
            ))}
          </ul>
          <div aria-live="polite">
            {shown.length === 0 ? <p className="palette-none soft">Nothing is called that.</p> : null}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
